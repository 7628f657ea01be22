"""The node of a queue, subscription or dead-letter queue to receive from."""

from local_azure.service_bus.amqp.errors import AmqpError
from local_azure.service_bus.amqp.outcomes import Accepted, Modified, Outcome, Rejected, Released
from local_azure.service_bus.amqp.outgoing import OutgoingLink
from local_azure.service_bus.broker.queue import Lock, MessageQueue
from local_azure.service_bus.errors import NotSupported, ServiceBusError, StateNotWritten
from local_azure.service_bus.message import Message, write_message
from local_azure.service_bus.nodes.errors import DEAD_LETTER, amqp_error, raised_as_amqp_errors
from local_azure.service_bus.operations import Operation, Operations
from local_azure.service_bus.store import Store

REASON, DESCRIPTION = "DeadLetterReason", "DeadLetterErrorDescription"


class ReceivingNode:
    """The consumer of a queue for one link. The lock token is the delivery tag."""

    def __init__(self, link: OutgoingLink, queue: MessageQueue, store: Store, operations: Operations) -> None:
        self._link = link
        self._queue = queue
        self._store = store
        self._operations = operations
        self._uncommitted = 0  # messages whose deletion is not committed yet: each takes one credit
        self.deletes = link.settled_on_sending
        queue.subscribe(self)

    @property
    def ready(self) -> bool:
        return self._link.sendable and self._link.credit > self._uncommitted

    def deliver(self, message: Message, lock: Lock | None) -> None:
        """Sends a locked message at once, and a deleted one after its deletion is committed."""
        self._operations.count(self._queue.path, Operation.DELIVERED)
        if lock is not None:
            self._link.send(write_message(message, lock.shown_until), lock.token, settled=False)
            return
        self._uncommitted += 1
        self._store.after_commit(lambda: self._deliver_deleted(message), self._deletion_ended)

    def _deliver_deleted(self, message: Message) -> None:
        self._deletion_ended()
        self._link.send(write_message(message), message.sequence_number.to_bytes(8), settled=True)

    def _deletion_ended(self) -> None:
        self._uncommitted -= 1

    def on_sendable(self) -> None:
        self._queue.schedule_pump()

    @raised_as_amqp_errors()
    def on_drain(self) -> None:
        self._queue.pump()
        self._store.flush()
        self._link.drained()

    def on_outcome(self, delivery_id: int, tag: bytes, outcome: Outcome | None, *, settled: bool) -> None:
        try:
            self._apply(tag, outcome)
        except ServiceBusError as error:
            if not settled:
                self._link.settle(delivery_id, Rejected(amqp_error(error)))
            return
        if settled:
            return
        # The client compares the outcome with its own. An error in it would mean that the outcome was not applied.
        applied = Rejected() if isinstance(outcome, Rejected) else outcome or Released()
        self._store.after_commit(
            lambda: self._link.settle(delivery_id, applied),
            lambda: self._link.settle(delivery_id, Rejected(amqp_error(StateNotWritten("the transaction was undone")))),
        )

    def _apply(self, token: bytes, outcome: Outcome | None) -> None:
        self._operations.count(self._queue.path, Operation.SETTLED)
        match outcome:
            case Accepted():
                self._queue.complete(token)
            case Rejected(error):
                reason, description = _dead_letter_reason(error)
                self._queue.dead_letter(token, reason, description)
            case Modified(annotations=annotations) if annotations:
                raise NotSupported("Changing the properties of a message when it is settled")
            case Modified(undeliverable_here=True):
                self._queue.defer(token)
            case Modified(delivery_failed=True):
                self._queue.abandon(token)
            case _:
                self._queue.release(token)

    def on_detached(self) -> None:
        self._queue.unsubscribe(self)


def _dead_letter_reason(error: AmqpError | None) -> tuple[str | None, str | None]:
    """Reason and description: from the details of Service Bus's own condition, else condition and description."""
    if error is None:
        return None, None
    if error.condition == DEAD_LETTER:
        details = {str(key): value for key, value in error.details.items()}
        reason, description = details.get(REASON), details.get(DESCRIPTION)
        return None if reason is None else str(reason), None if description is None else str(description)
    return error.condition, error.description
