"""Finds the node at the address of a link."""

from urllib.parse import urlsplit

from local_azure.service_bus.amqp.incoming import DeliveryHandler, IncomingLink
from local_azure.service_bus.amqp.outgoing import OutgoingHandler, OutgoingLink
from local_azure.service_bus.broker.broker import Broker
from local_azure.service_bus.errors import InvalidArgument, NotSupported, OperationNotAllowed
from local_azure.service_bus.nodes import cbs, management
from local_azure.service_bus.nodes.cbs import CbsNode
from local_azure.service_bus.nodes.errors import raised_as_amqp_errors
from local_azure.service_bus.nodes.management import ManagementNode
from local_azure.service_bus.nodes.receiving import ReceivingNode
from local_azure.service_bus.nodes.request_response import ResponseNode
from local_azure.service_bus.nodes.sending import SendingNode
from local_azure.service_bus.operations import Operations
from local_azure.service_bus.store import Store

TRANSFER_SEGMENT = "$transfer"
SESSION_FILTER = "com.microsoft:session-filter"


def path_of(address: str | None) -> str:
    """The entity path of `amqps://host:port/<path>`, `/<path>` or `<path>`."""
    if address is None:
        raise InvalidArgument("the link has no address")
    return (urlsplit(address).path if "://" in address else address).strip("/")


class ServiceBusContainer:
    """The namespace as an AMQP container."""

    def __init__(self, broker: Broker, store: Store, operations: Operations) -> None:
        self._broker = broker
        self._store = store
        self._operations = operations

    @raised_as_amqp_errors()
    def open_incoming(self, link: IncomingLink) -> DeliveryHandler:
        if link.target.coordinator:
            raise NotSupported("A transaction")
        if link.target.dynamic:
            raise NotSupported("A dynamic node")
        path = path_of(link.target.address)
        if path.lower() == cbs.ADDRESS:
            return CbsNode()
        if path.lower().endswith(management.SUFFIX):
            entity = path[: -len(management.SUFFIX)]
            self._broker.require(entity)
            return ManagementNode(entity, self._broker, self._store, self._operations)
        return SendingNode(self._broker.destination(path), self._store, self._operations)

    @raised_as_amqp_errors()
    def open_outgoing(self, link: OutgoingLink) -> OutgoingHandler:
        if link.source.dynamic:
            raise NotSupported("A dynamic node")
        path = path_of(link.source.address)
        if path.lower() == cbs.ADDRESS:
            return ResponseNode(link)
        if path.lower().endswith(management.SUFFIX):
            self._broker.require(path[: -len(management.SUFFIX)])
            return ResponseNode(link)
        if TRANSFER_SEGMENT in path.lower().split("/"):
            raise NotSupported("The transfer dead-letter queue")
        queue = self._broker.queue(path)
        if SESSION_FILTER in link.source.filters:
            raise OperationNotAllowed(
                f"It is not possible to receive by session from '{path}': it does not require sessions."
            )
        for name in link.source.filters:
            raise NotSupported(f"The filter {name!r} of a receiver")
        return ReceivingNode(link, queue, self._store, self._operations)
