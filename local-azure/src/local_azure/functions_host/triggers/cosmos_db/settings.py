"""The settings of a Cosmos DB trigger, and its connections."""

from typing import Literal

from azure.core.pipeline.transport import AioHttpTransport
from azure.cosmos.aio import ContainerProxy, CosmosClient

from local_azure.functions_host.functions import Function, TriggerSettings
from local_azure.functions_host.triggers.connections import Connection, default_credential, resolve

ADDRESS_SUFFIX = "accountEndpoint"
LEASE_PARTITION_KEY = "/id"
MILLISECONDS = 1000


class CosmosDBTrigger(TriggerSettings):
    """All times in milliseconds."""

    connection: str
    database_name: str
    container_name: str
    lease_connection: str | None = None
    lease_database_name: str | None = None
    lease_container_name: str = "leases"
    lease_container_prefix: str = ""
    create_lease_container_if_not_exists: bool = False
    leases_container_throughput: int | None = None
    feed_poll_delay: int = 5000
    lease_acquire_interval: int = 13000
    lease_expiration_interval: int = 60000
    lease_renew_interval: int = 17000
    max_items_per_invocation: int | None = None
    start_from_beginning: bool = False
    start_from_time: str | None = None
    preferred_locations: str | None = None
    change_feed_mode: Literal["LATEST_VERSION", "LatestVersion"] | None = None


class Account:
    """The accounts of the monitored container and of the leases. Raises StartError."""

    def __init__(self, function: Function) -> None:
        self.settings = function.trigger_settings(CosmosDBTrigger)
        lease_setting = self.settings.lease_connection or self.settings.connection
        self._monitored = resolve(function.name, self.settings.connection, ADDRESS_SUFFIX)
        self._leases = resolve(function.name, lease_setting, ADDRESS_SUFFIX)

    def monitored_client(self) -> CosmosClient:
        return _client(self._monitored)

    def lease_client(self) -> CosmosClient:
        return _client(self._leases)

    def monitored_container(self, client: CosmosClient) -> ContainerProxy:
        return client.get_database_client(self.settings.database_name).get_container_client(
            self.settings.container_name
        )

    @property
    def lease_database(self) -> str:
        return self.settings.lease_database_name or self.settings.database_name


def _client(connection: Connection) -> CosmosClient:
    """A new client. It does not look up proxies and netrc, which costs two thread switches per request."""
    transport = AioHttpTransport(use_env_settings=False)
    if connection.connection_string:
        return CosmosClient.from_connection_string(connection.connection_string, transport=transport)
    return CosmosClient(connection.address, default_credential(), transport=transport)
