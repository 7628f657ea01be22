"""The destination of sent messages, a queue or a topic: duplicate detection, routing, scheduling."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from local_azure.service_bus.broker.deadlines import Deadlines
from local_azure.service_bus.broker.queue import MessageQueue
from local_azure.service_bus.errors import InvalidArgument, MessageNotFound
from local_azure.service_bus.filters import Filter
from local_azure.service_bus.limits import MAX_MESSAGE_ID_LENGTH
from local_azure.service_bus.message import IncomingMessage, Message, State, read_message
from local_azure.service_bus.store import Row, Store, due_at_of, new_row, sequence_number_of


@dataclass(frozen=True, slots=True)
class Route:
    """`queue` gets the messages that `matches`."""

    matches: Filter
    queue: MessageQueue


@dataclass(frozen=True, slots=True)
class DestinationSettings:
    """Durations in milliseconds; None: no duplicate detection, no expiry."""

    duplicate_window: int | None = None
    time_to_live: int | None = None


class _Arrival(NamedTuple):
    queue: MessageQueue
    message: Message


class Destination:
    """`holder` stores the scheduled messages: the queue itself, or a hidden queue of the topic."""

    def __init__(
        self,
        holder: MessageQueue,
        routes: list[Route],
        settings: DestinationSettings,
        store: Store,
        deadlines: Deadlines,
    ) -> None:
        self._holder = holder
        self._routes = routes
        self._settings = settings
        self._store = store
        self._deadlines = deadlines

    @property
    def path(self) -> str:
        """That of the queue or topic."""
        return self._holder.path

    def send(self, messages: Iterable[IncomingMessage]) -> None:
        """Stores all messages or none; they can be received after the commit. Raises ServiceBusError."""
        now = self._deadlines.now()
        routed = [(incoming, self._targets(incoming)) for incoming in messages]  # raises before anything is written
        rows: list[Row] = []
        arrivals: list[_Arrival] = []
        for incoming, queues in routed:
            if self._is_duplicate(incoming, now):
                continue
            due_at = self._due_at(incoming, now)
            if due_at > now:
                rows.append(self._scheduled_row(incoming, due_at))
            else:
                arrivals += self._enqueue(incoming, queues, now)
        self._insert(rows, arrivals)

    def schedule(self, messages: Iterable[IncomingMessage]) -> list[int]:
        """Stores messages to be enqueued at their scheduled time. Returns the sequence numbers for `cancel`."""
        now = self._deadlines.now()
        scheduled = [each for each in messages if self._targets(each) is not None and not self._is_duplicate(each, now)]
        rows = [self._scheduled_row(each, self._due_at(each, now)) for each in scheduled]
        self._insert(rows, [])
        return [sequence_number_of(row) for row in rows]

    def cancel(self, sequence_numbers: Sequence[int]) -> None:
        """Removes all of these scheduled messages or none. Raises MessageNotFound."""
        for number in sequence_numbers:
            message = self._store.load(self._holder.number, number)
            if message is None or message.state is not State.SCHEDULED:
                raise MessageNotFound(number)
        for number in sequence_numbers:
            self._store.delete(self._holder.number, number)

    def enqueue_scheduled(self, sequence_number: int) -> None:
        """Enqueues a scheduled message as if it were sent now, with a new sequence number."""
        scheduled = self._store.load(self._holder.number, sequence_number)
        if scheduled is None or scheduled.content is None:
            return
        incoming = read_message(scheduled.content)
        incoming.header, incoming.annotations = scheduled.header, scheduled.annotations
        incoming.time_to_live = scheduled.time_to_live
        arrivals = self._enqueue(incoming, self._targets(incoming), self._deadlines.now())
        self._store.delete(self._holder.number, sequence_number)
        self._insert([], arrivals)

    def _targets(self, incoming: IncomingMessage) -> list[MessageQueue]:
        key = incoming.duplicate_key
        if key is not None and len(key) > MAX_MESSAGE_ID_LENGTH:
            raise InvalidArgument(f"a message id has at most {MAX_MESSAGE_ID_LENGTH} characters")
        return [route.queue for route in self._routes if route.matches(incoming)]

    def _is_duplicate(self, incoming: IncomingMessage, now: int) -> bool:
        key = incoming.duplicate_key
        window = self._settings.duplicate_window
        if window is None or key is None:
            return False
        return not self._store.remember_sent(self._holder.number, key, now, now + window)

    def _enqueue(self, incoming: IncomingMessage, queues: list[MessageQueue], now: int) -> list[_Arrival]:
        default = self._settings.time_to_live
        return [
            _Arrival(
                queue,
                Message(
                    queue.next_sequence_number(),
                    State.ACTIVE,
                    0,
                    now,
                    _shortest(incoming.time_to_live, default, queue.settings.time_to_live),
                    incoming.header,
                    incoming.annotations,
                    incoming.content,
                ),
            )
            for queue in queues
        ]

    def _due_at(self, incoming: IncomingMessage, now: int) -> int:
        return now if incoming.scheduled_at is None else self._deadlines.due_at(incoming.scheduled_at)

    def _scheduled_row(self, incoming: IncomingMessage, due_at: int) -> Row:
        message = Message(
            self._holder.next_sequence_number(),
            State.SCHEDULED,
            0,
            self._deadlines.now(),
            incoming.time_to_live,
            incoming.header,
            incoming.annotations,
            incoming.content,
        )
        return new_row(self._holder.number, message, due_at)

    def _insert(self, rows: list[Row], arrivals: list[_Arrival]) -> None:
        rows += [new_row(queue.number, message, message.expires_at) for queue, message in arrivals]
        if not rows:
            return
        self._store.insert(rows)
        due = min((due for row in rows if (due := due_at_of(row)) is not None), default=None)

        def committed() -> None:
            if due is not None:
                self._deadlines.watch(due)
            for queue, message in arrivals:
                queue.arrive(message)

        self._store.after_commit(committed)


def _shortest(*durations: int | None) -> int | None:
    return min((each for each in durations if each is not None), default=None)
