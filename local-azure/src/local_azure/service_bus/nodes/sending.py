"""The node of a queue or topic to send to."""

from local_azure.service_bus.amqp.incoming import Delivery
from local_azure.service_bus.broker.destination import Destination
from local_azure.service_bus.errors import NotSupported, StateNotWritten
from local_azure.service_bus.message import BATCH_FORMAT, SINGLE_FORMAT, read_message, split_batch
from local_azure.service_bus.nodes.errors import amqp_error, raised_as_amqp_errors
from local_azure.service_bus.operations import Operation, Operations
from local_azure.service_bus.store import Store


class SendingNode:
    """Accepts a delivery once all its messages are committed."""

    def __init__(self, destination: Destination, store: Store, operations: Operations) -> None:
        self._destination = destination
        self._store = store
        self._operations = operations

    @raised_as_amqp_errors()
    def on_delivery(self, delivery: Delivery) -> None:
        if delivery.message_format == BATCH_FORMAT:
            messages = [read_message(each) for each in split_batch(delivery.payload)]
        elif delivery.message_format == SINGLE_FORMAT:
            messages = [read_message(delivery.payload)]
        else:
            raise NotSupported(f"Message format {delivery.message_format:#x}")
        self._operations.count(self._destination.path, Operation.SENT, len(messages))
        self._destination.send(messages)
        self._store.after_commit(
            delivery.accept, lambda: delivery.reject(amqp_error(StateNotWritten("the transaction was undone")))
        )

    def on_detached(self) -> None:
        pass
