"""A queue to receive from: a queue, a subscription, or the dead-letter queue of either."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Protocol

from local_azure.service_bus.broker.environment import Environment, Timer
from local_azure.service_bus.broker.ready import ReadyMessages
from local_azure.service_bus.errors import MessageLockLost, MessageNotFound, OperationNotAllowed, ServiceBusError
from local_azure.service_bus.limits import MAX_DEAD_LETTER_TEXT, READY_WINDOW
from local_azure.service_bus.message import Message, State, with_dead_letter_reason
from local_azure.service_bus.store import Store

SEQUENCE_NUMBERS_RESERVED = 1000  # at once, so that not every message costs one more write

EXPIRED = ("TTLExpiredException", "The message expired and was dead lettered.")


@dataclass(slots=True)
class Lock:
    """A message that is locked for a receiver. `token`: a little-endian UUID.

    In milliseconds since 1970: `until` by the elapsed time, `shown_until` by the wall clock, for the client.
    """

    token: bytes
    message: Message
    until: int
    shown_until: int


class Consumer(Protocol):
    """A receiver. It gets messages only while it is `ready`."""

    @property
    def ready(self) -> bool: ...

    @property
    def deletes(self) -> bool:
        """Whether messages are deleted on delivery (receive-and-delete) instead of locked (peek-lock)."""

    def deliver(self, message: Message, lock: Lock | None) -> None: ...


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """Durations in milliseconds. A dead-letter queue has neither `max_delivery_count` nor `time_to_live`."""

    lock_duration: int
    max_delivery_count: int | None = None
    time_to_live: int | None = None
    dead_letters_expired: bool = False


class MessageQueue:
    """`dead_letters`: its dead-letter queue; None for a dead-letter queue."""

    def __init__(
        self,
        path: str,
        settings: QueueSettings,
        store: Store,
        environment: Environment,
        dead_letters: MessageQueue | None = None,
    ) -> None:
        self.path = path
        self.settings = settings
        self.dead_letters = dead_letters
        self.number, self._last_number = store.open_queue(path.lower())
        self._reserved = self._last_number
        self._store = store
        self._environment = environment
        self._ready = ReadyMessages()
        self._locks: dict[bytes, Lock] = {}
        self._locked: dict[int, Lock] = {}
        self._consumers: deque[Consumer] = deque()
        self._pumping = False
        self._expiry: Timer | None = None

    def next_sequence_number(self) -> int:
        """A number that no message of this queue had before."""
        self._last_number += 1
        if self._last_number > self._reserved:
            self._reserved = self._last_number + SEQUENCE_NUMBERS_RESERVED
            self._store.reserve(self.number, self._reserved)
            self._store.after_commit(lambda: None, self._reserve_again)
        return self._last_number

    def _reserve_again(self) -> None:
        self._reserved = self._last_number

    def close(self) -> None:
        """Releases the reserved sequence numbers that were not used."""
        if self._expiry is not None:
            self._expiry.cancel()
        if self._reserved != self._last_number:
            self._store.reserve(self.number, self._last_number)

    def subscribe(self, consumer: Consumer) -> None:
        self._consumers.append(consumer)
        self.schedule_pump()

    def unsubscribe(self, consumer: Consumer) -> None:
        """Its locks remain until they expire, as on Azure."""
        self._consumers.remove(consumer)

    def arrive(self, message: Message) -> None:
        """Makes a stored message available for delivery."""
        self._ready.add(message)
        self.schedule_pump()

    def schedule_pump(self) -> None:
        """Delivers at the end of this turn of the event loop, all messages of the turn together."""
        if not self._pumping and self._consumers:
            self._pumping = True
            self._environment.call_soon(self.pump)

    def pump(self) -> None:
        """Delivers as many messages as the consumers are ready for, round robin."""
        self._pumping = False
        while (consumer := self._next_consumer()) is not None:
            message = self._take()
            if message is None:
                return
            if consumer.deletes:
                self._deliver_deleted(consumer, message)
            else:
                lock = self._lock(message)
                consumer.deliver(message, lock)
                message.content = None

    def _next_consumer(self) -> Consumer | None:
        consumers = self._consumers
        for _ in range(len(consumers)):
            consumer = consumers[0]
            consumers.rotate(-1)
            if consumer.ready:
                return consumer
        return None

    def _take(self) -> Message | None:
        now = self._environment.now()
        while True:
            message = self._ready.take()
            if message is None:
                if self._ready.unread_from is None:
                    return None
                self._read_more(self._ready.unread_from)
                continue
            if message.content is None:
                content = self._store.load(self.number, message.sequence_number)
                if content is None:
                    continue
                message.content = content.content
            if message.expires_at is not None and message.expires_at <= now:
                self._expire(message)
                continue
            return message

    def _read_more(self, start: int) -> None:
        messages = self._store.load_from(self.number, start, READY_WINDOW, active_only=True)
        unread_from = messages[-1].sequence_number + 1 if len(messages) == READY_WINDOW else None
        self._ready.extend([each for each in messages if each.sequence_number not in self._locked], unread_from)

    def _deliver_deleted(self, consumer: Consumer, message: Message) -> None:
        self._store.delete(self.number, message.sequence_number)
        self._store.after_commit(lambda: None, lambda: self._return(message))
        consumer.deliver(message, None)

    def _lock(self, message: Message) -> Lock:
        token = self._environment.lock_token()
        duration = self.settings.lock_duration
        environment = self._environment
        lock = Lock(token, message, environment.elapsed() + duration, environment.wall_clock() + duration)
        self._locks[token] = self._locked[message.sequence_number] = lock
        self._watch_locks()
        return lock

    def _watch_locks(self) -> None:
        """Sets the timer. Locks are in order of expiry: all last equally long, and a renewed one moves to the end."""
        if self._expiry is None and self._locks:
            first = next(iter(self._locks.values()))
            seconds = max(first.until - self._environment.elapsed(), 0) / 1000
            self._expiry = self._environment.call_later(seconds, self._expire_locks)

    def _expire_locks(self) -> None:
        self._expiry = None
        now = self._environment.elapsed()
        expired = []
        for lock in self._locks.values():
            if lock.until > now:
                break
            expired.append(lock)
        for lock in expired:
            self._unlock(lock)
            self._count_failure(lock.message)
        self._watch_locks()

    def _unlock(self, lock: Lock) -> None:
        del self._locks[lock.token]
        del self._locked[lock.message.sequence_number]

    def _valid_lock(self, token: bytes) -> Lock:
        lock = self._locks.get(token)
        if lock is None or lock.until <= self._environment.elapsed():
            raise MessageLockLost
        return lock

    def _release_when_committed(self, lock: Lock) -> None:
        """Removes the lock now, so that it cannot be used twice, and restores it if the write fails."""
        self._unlock(lock)
        self._store.after_commit(lambda: None, lambda: self._lock_again(lock))

    def _lock_again(self, lock: Lock) -> None:
        self._locks[lock.token] = self._locked[lock.message.sequence_number] = lock
        self._watch_locks()

    def complete(self, token: bytes) -> None:
        """Deletes a locked message. Like all methods with a token, raises MessageLockLost."""
        lock = self._valid_lock(token)
        self._store.delete(self.number, lock.message.sequence_number)
        self._release_when_committed(lock)

    def abandon(self, token: bytes) -> None:
        """Returns a locked message to the queue and counts a failed delivery."""
        lock = self._valid_lock(token)
        self._unlock(lock)
        self._count_failure(lock.message)

    def release(self, token: bytes) -> None:
        """Returns a locked message to the queue without counting a failed delivery."""
        lock = self._valid_lock(token)
        self._unlock(lock)
        self._return(lock.message)

    def defer(self, token: bytes) -> None:
        """Sets a locked message aside, to be received by its sequence number only."""
        lock = self._valid_lock(token)
        self._store.set_state(self.number, lock.message.sequence_number, State.DEFERRED)
        self._release_when_committed(lock)

    def dead_letter(self, token: bytes, reason: str | None, description: str | None) -> None:
        """Moves a locked message to the dead-letter queue."""
        if self.dead_letters is None:
            raise OperationNotAllowed(
                f"'{self.path}' is a dead-letter queue: its messages cannot be dead-lettered again"
            )
        lock = self._valid_lock(token)
        self._move_to_dead_letters(lock.message, reason, description)
        self._release_when_committed(lock)

    def renew(self, token: bytes) -> int:
        """Renews a lock for the full lock duration. Returns its new end by the wall clock."""
        lock = self._valid_lock(token)
        lock.until = self._environment.elapsed() + self.settings.lock_duration
        lock.shown_until = self._environment.wall_clock() + self.settings.lock_duration
        self._locks[token] = self._locks.pop(token)
        return lock.shown_until

    def _count_failure(self, message: Message) -> None:
        """Counts a failed delivery. After the last one that is allowed, the message becomes a dead letter."""
        message.delivery_count += 1
        limit = self.settings.max_delivery_count
        try:
            if limit is not None and message.delivery_count >= limit:
                reason = f"Message could not be consumed after {limit} delivery attempts."
                self._move_to_dead_letters(message, "MaxDeliveryCountExceeded", reason)
                self._store.after_commit(lambda: None, lambda: self._return(message))
            else:
                self._store.set_delivery_count(self.number, message.sequence_number, message.delivery_count)
                self._store.after_commit(lambda: self._return(message), lambda: self._return(message))
        except ServiceBusError:
            self._return(message)

    def _return(self, message: Message) -> None:
        """Makes a message available again, unless it has expired meanwhile."""
        if message.expires_at is not None and message.expires_at <= self._environment.now():
            self._expire(message)
        elif message.state is State.ACTIVE:
            self.arrive(message)

    def _move_to_dead_letters(self, message: Message, reason: str | None, description: str | None) -> None:
        if self.dead_letters is None:
            return
        content = message.content
        if content is None:
            stored = self._store.load(self.number, message.sequence_number)
            content = b"" if stored is None or stored.content is None else stored.content
        dead_letter = Message(
            message.sequence_number,
            State.ACTIVE,
            message.delivery_count,
            message.enqueued_at,
            None,
            message.header,
            message.annotations,
            with_dead_letter_reason(content, _shortened(reason), _shortened(description)),
        )
        target = self.dead_letters
        self._store.move(self.number, target.number, dead_letter)
        self._store.after_commit(lambda: target.arrive(dead_letter))

    def expire(self, sequence_number: int) -> None:
        """Ends the time to live of a message. A locked one expires when it returns to the queue."""
        if sequence_number in self._locked:
            return
        message = self._ready.remove(sequence_number) or self._store.load(self.number, sequence_number)
        if message is not None and message.state is not State.SCHEDULED:
            self._expire(message)

    def _expire(self, message: Message) -> None:
        if self.settings.dead_letters_expired and self.dead_letters is not None:
            self._move_to_dead_letters(message, *EXPIRED)
        else:
            self._store.delete(self.number, message.sequence_number)

    def peek(self, start: int, count: int) -> list[Message]:
        """Messages from a sequence number on, in any state, without changing them."""
        return self._store.load_from(self.number, start, count, active_only=False)

    def take_deferred(self, sequence_numbers: list[int], *, delete: bool) -> list[tuple[Message, Lock | None]]:
        """Locks or deletes deferred messages. Raises MessageNotFound, also for a locked message."""
        messages = []
        for number in dict.fromkeys(sequence_numbers):
            message = self._store.load(self.number, number)
            if message is None or message.state is not State.DEFERRED or number in self._locked:
                raise MessageNotFound(number)
            messages.append(message)
        taken: list[tuple[Message, Lock | None]] = []
        for message in messages:
            if delete:
                self._store.delete(self.number, message.sequence_number)
            taken.append((message, None if delete else self._lock(message)))
        return taken


def _shortened(text: str | None) -> str | None:
    return None if text is None else text[:MAX_DEAD_LETTER_TEXT]
