"""The settings of a Service Bus trigger, and its connection."""

from typing import Any

from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver

from local_azure.functions_host.errors import StartError
from local_azure.functions_host.functions import Function, TriggerSettings
from local_azure.functions_host.triggers.connections import default_credential, resolve

# Seconds that the SDK waits for a frame at a time, whatever the time of a call. It cannot send meanwhile, so this is
# how late a single message may be settled while no other arrives, and how long a batch waits for more of them. Each
# time costs 0.1 to 0.2 ms of CPU, also while nothing ever arrives.
SOCKET_TIMEOUT_SINGLE = 0.2
SOCKET_TIMEOUT_BATCH = 0.05
# Seconds after which an operation of the SDK is given up: a frozen peer never answers.
OPERATION_TIMEOUT = 10.0
# Seconds of one attempt to receive while nothing runs.
IDLE_WAIT = 0.5
# Receiving does not notice a frozen peer: after PROBE_INTERVAL seconds without an answer, a peek probes it.
PROBE_INTERVAL = 5.0
PROBE_TIMEOUT = 5.0
ADDRESS_SUFFIX = "fullyQualifiedNamespace"


class ServiceBusTrigger(TriggerSettings):
    connection: str
    queue_name: str | None = None
    topic_name: str | None = None
    subscription_name: str | None = None
    cardinality: str = "ONE"
    is_sessions_enabled: bool = False
    auto_complete_messages: bool | None = None
    access_rights: str | None = None


class Entity:
    """The queue or subscription of a trigger. Raises StartError for settings that are not supported."""

    def __init__(self, function: Function) -> None:
        self.settings = function.trigger_settings(ServiceBusTrigger)
        if self.settings.is_sessions_enabled:
            raise StartError(f"function {function.name}: isSessionsEnabled is not supported by the local host")
        self._connection = resolve(function.name, self.settings.connection, ADDRESS_SUFFIX)

    @property
    def path(self) -> str:
        if self.settings.queue_name:
            return self.settings.queue_name
        return f"{self.settings.topic_name}/{self.settings.subscription_name}"

    @property
    def is_batched(self) -> bool:
        return self.settings.cardinality.upper() == "MANY"

    @property
    def as_bytes(self) -> bool:
        return (self.settings.data_type or "").upper() == "BINARY"

    def client(self) -> ServiceBusClient:
        """A new client. It does not retry: the listener reconnects, and logs each outage once."""
        options: dict[str, Any] = {"retry_total": 0}
        if self._connection.connection_string:
            return ServiceBusClient.from_connection_string(self._connection.connection_string, **options)
        return ServiceBusClient(self._connection.address, default_credential(), **options)

    def receiver(self, client: ServiceBusClient, prefetch: int) -> ServiceBusReceiver:
        # A receiver does not take this over from its client.
        socket_timeout = SOCKET_TIMEOUT_BATCH if self.is_batched else SOCKET_TIMEOUT_SINGLE
        options: dict[str, Any] = {"prefetch_count": prefetch, "socket_timeout": socket_timeout}
        if self.settings.queue_name:
            return client.get_queue_receiver(self.settings.queue_name, **options)
        return client.get_subscription_receiver(
            str(self.settings.topic_name), str(self.settings.subscription_name), **options
        )
