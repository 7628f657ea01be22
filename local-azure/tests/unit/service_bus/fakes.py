"""A broker without sockets, with a clock that the test advances, and consumers that record their messages."""

import heapq
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from local_azure.service_bus.amqp.encode import encode_value
from local_azure.service_bus.amqp.types import Described, Symbol, Timestamp, UInt, ULong
from local_azure.service_bus.broker.broker import Broker
from local_azure.service_bus.broker.environment import Environment
from local_azure.service_bus.broker.queue import Lock
from local_azure.service_bus.entities import Namespace
from local_azure.service_bus.message import Message
from local_azure.service_bus.store import MEMORY, Store

START = 1_800_000_000_000


class FakeTimer:
    def __init__(self, due: int, callback: Callable[[], None]) -> None:
        self.due = due
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class FakeTime:
    """The time of the event loop, in milliseconds, and how far the broker's and the wall clock are ahead of it.

    `turn` runs the callbacks of a turn of the event loop.
    """

    def __init__(self) -> None:
        self.now = START
        self.wall_clock_ahead = 0
        self.moved_ahead = 0
        self._order = itertools.count()
        self._soon: list[Callable[[], None]] = []
        self._timers: list[tuple[int, int, FakeTimer]] = []
        self._tokens = itertools.count(1)

    def environment(self) -> Environment:
        return Environment(
            now=lambda: self.now + self.moved_ahead,
            elapsed=lambda: self.now,
            wall_clock=lambda: self.now + self.wall_clock_ahead,
            call_later=self.call_later,
            call_soon=self.call_soon,
            lock_token=lambda: next(self._tokens).to_bytes(16),
        )

    def call_later(self, seconds: float, callback: Callable[[], None]) -> FakeTimer:
        timer = FakeTimer(self.now + round(seconds * 1000), callback)
        heapq.heappush(self._timers, (timer.due, next(self._order), timer))
        return timer

    def call_soon(self, callback: Callable[[], None]) -> None:
        self._soon.append(callback)

    def turn(self) -> None:
        while self._soon:
            callbacks, self._soon = self._soon, []
            for callback in callbacks:
                callback()

    def advance(self, seconds: float) -> None:
        self.turn()
        end = self.now + round(seconds * 1000)
        while self._timers and self._timers[0][0] <= end:
            due, _, timer = heapq.heappop(self._timers)
            self.now = max(self.now, due)
            if not timer.cancelled:
                timer.callback()
                self.turn()
        self.now = end


class FakeConsumer:
    """A receiver with `credit` that records its messages."""

    def __init__(self, credit: int = 100, *, deletes: bool = False) -> None:
        self.credit = credit
        self.deletes = deletes
        self.deliveries: list[tuple[Message, Lock | None]] = []
        self.contents: list[bytes] = []

    @property
    def ready(self) -> bool:
        return self.credit > len(self.deliveries)

    def deliver(self, message: Message, lock: Lock | None) -> None:
        self.deliveries.append((message, lock))
        self.contents.append(message.content or b"")

    @property
    def sequence_numbers(self) -> list[int]:
        return [message.sequence_number for message, _ in self.deliveries]

    def token(self, index: int = -1) -> bytes:
        lock = self.deliveries[index][1]
        assert lock is not None
        return lock.token


class BrokerUnderTest:
    """A broker over `database`; `time` to continue in the time of an earlier one."""

    def __init__(self, namespace: dict[str, Any], database: Path | str = MEMORY, time: FakeTime | None = None) -> None:
        self.time = time or FakeTime()
        self.store = Store(database, self.time.call_soon)
        entities = Namespace.read({"UserConfig": {"Namespaces": [{"Name": "test", **namespace}]}})
        self.broker = Broker(entities, self.store, self.time.environment())

    def move_clock(self, seconds: int) -> None:
        """As `local-azure clock` does: no time passes for event loop and clients."""
        self.time.moved_ahead += seconds * 1000
        self.broker.clock_moved()
        self.time.turn()

    def consume(self, path: str, credit: int = 100, *, deletes: bool = False) -> FakeConsumer:
        consumer = FakeConsumer(credit, deletes=deletes)
        self.broker.queue(path).subscribe(consumer)
        self.time.turn()
        return consumer


def queue(name: str, **properties: Any) -> dict[str, Any]:
    return {"Name": name, "Properties": properties}


def encoded_message(body: bytes = b"body", **parts: Any) -> bytes:
    """An encoded message. Parts: message_id, subject, ttl and scheduled_at (milliseconds), properties, annotations."""
    sections = []
    if "ttl" in parts:
        sections.append(Described(ULong(0x70), [None, None, UInt(parts["ttl"])]))
    annotations = {Symbol(key): value for key, value in parts.get("annotations", {}).items()}
    if "scheduled_at" in parts:
        annotations[Symbol("x-opt-scheduled-enqueue-time")] = Timestamp(parts["scheduled_at"])
    if annotations:
        sections.append(Described(ULong(0x72), annotations))
    sections.append(Described(ULong(0x73), [parts.get("message_id"), None, None, parts.get("subject")]))
    if "properties" in parts:
        sections.append(Described(ULong(0x74), parts["properties"]))
    sections.append(Described(ULong(0x75), body))
    return b"".join(encode_value(section) for section in sections)
