"""The server: sockets and wiring."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import socket
import sqlite3
import time
from collections.abc import AsyncIterator, Coroutine, Iterator
from pathlib import Path
from typing import Any, Self, cast

from local_azure import steady_clock
from local_azure.listening import BACKLOG, HOST, listening_socket
from local_azure.movable_clock import MovableClock
from local_azure.service_bus import limits
from local_azure.service_bus.amqp.connection import Connection, ConnectionLimits
from local_azure.service_bus.amqp.errors import CONNECTION_FORCED, INTERNAL_ERROR, AmqpError
from local_azure.service_bus.broker.broker import Broker
from local_azure.service_bus.broker.environment import Environment
from local_azure.service_bus.entities import Namespace
from local_azure.service_bus.nodes.container import ServiceBusContainer
from local_azure.service_bus.operations import Operations
from local_azure.service_bus.store import MEMORY, Store

log = logging.getLogger(__name__)

OUTPUT_BUFFER = 128 * 1024  # bytes that are collected within a turn of the event loop before they are written
OPERATIONS_FILE = "service-bus-operations.json"  # in the folder of the database
CONNECTION_LIMITS = ConnectionLimits(
    container_id="local-service-bus",
    max_frame_size=limits.MAX_FRAME_SIZE,
    max_message_size=limits.MAX_MESSAGE_SIZE,
    channel_max=limits.CHANNEL_MAX,
    idle_timeout=limits.IDLE_TIMEOUT,
)


class _Stream(asyncio.Protocol):
    """One socket with its AMQP connection. The output of a turn of the event loop is written together at its end."""

    def __init__(self, container: ServiceBusContainer, streams: set[_Stream]) -> None:
        self._streams = streams
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None  # until asyncio calls connection_made
        self._output: list[bytes] = []
        self._output_size = 0
        self._flushing = False
        self._closing = False
        self.closed = self._loop.create_future()
        self.connection = Connection(container, self, CONNECTION_LIMITS, self._loop.time)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's class does not inherit from it
        self._streams.add(self)

    def data_received(self, octets: bytes) -> None:
        try:
            self.connection.receive(octets)
        except Exception:
            # A bug that one connection triggers must not affect the others.
            log.exception("closing a connection because of a bug in this server")
            self.connection.close(AmqpError(INTERNAL_ERROR, "a fault in this server; see its log"))

    def eof_received(self) -> None:
        self._flush()  # before the socket closes

    def connection_lost(self, exc: Exception | None) -> None:
        self._streams.discard(self)
        self._transport = None
        self.closed.set_result(None)
        self.connection.lost()

    def pause_writing(self) -> None:
        self.connection.set_writable(False)

    def resume_writing(self) -> None:
        self.connection.set_writable(True)

    def write(self, octets: bytes) -> None:
        self._output.append(octets)
        self._output_size += len(octets)
        if self._output_size > OUTPUT_BUFFER:
            self._flush()
        elif not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def close(self) -> None:
        self._closing = True
        self._flush()

    def _flush(self) -> None:
        self._flushing = False
        output, self._output, self._output_size = self._output, [], 0
        if self._transport is None:
            return
        if output:
            self._transport.write(b"".join(output))
        if self._closing:
            self._transport.close()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()


class StateInUseError(Exception):
    """Another server uses the same database."""


class ServiceBusEmulator:
    """A Service Bus namespace that listens on 127.0.0.1; see `running`."""

    def __init__(self, port: int, operations: Operations, clock: MovableClock, broker: Broker) -> None:
        self.port = port
        self.operations = operations
        self._clock = clock
        self._broker = broker

    def move_clock(self, seconds_ahead: int) -> None:
        """Sets how far the clock is ahead of the real one: what has expired or is to be enqueued by then, is at once.

        Locks last as long as before, and times that clients send are still those of the real clock.
        """
        self._clock.move(seconds_ahead)
        self._broker.clock_moved()

    @property
    def connection_string(self) -> str:
        """For `ServiceBusClient.from_connection_string`."""
        return (
            f"Endpoint=sb://{HOST}:{self.port};SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=local;"
            "UseDevelopmentEmulator=true;"
        )

    @classmethod
    @contextlib.asynccontextmanager
    async def running(
        cls,
        entities: Path | str | dict[str, Any] | Namespace,
        database: Path | str = MEMORY,
        port: int | socket.socket = 0,
        clock: MovableClock | None = None,
    ) -> AsyncIterator[Self]:
        """Serves until the `async with` block ends.

        `entities`: a file, or its content as a dict; `database`: a file, or ":memory:"; `port` 0: a free port; or a
        socket that listens; `clock`: None for the real one.
        Raises EntitiesError, StateInUseError, and OSError for a taken port.
        """
        namespace, clock = _namespace(entities), clock or MovableClock()
        loop = asyncio.get_running_loop()
        async with contextlib.AsyncExitStack() as opened:
            opened.enter_context(_sole_use_of(database))
            store = Store(database, loop.call_soon)
            opened.callback(store.close)
            broker = Broker(namespace, store, _environment(loop, clock))
            opened.callback(broker.close)
            operations = Operations()
            container = ServiceBusContainer(broker, store, operations)
            streams: set[_Stream] = set()
            listener = listening_socket(port) if isinstance(port, int) else port
            server = await loop.create_server(lambda: _Stream(container, streams), sock=listener, backlog=BACKLOG)
            opened.push_async_callback(_close, server, streams)
            await opened.enter_async_context(
                _background(_tick(streams), _checkpoint(store), _report(operations, database))
            )
            yield cls(server.sockets[0].getsockname()[1], operations, clock, broker)


def _environment(loop: asyncio.AbstractEventLoop, clock: MovableClock) -> Environment:
    return Environment(
        now=clock.milliseconds,
        elapsed=steady_clock.milliseconds,
        wall_clock=lambda: time.time_ns() // 1_000_000,
        call_later=loop.call_later,
        call_soon=loop.call_soon,
        lock_token=lambda: os.urandom(16),
    )


@contextlib.asynccontextmanager
async def _background(*work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Runs `work` until the block ends."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _close(server: asyncio.Server, streams: set[_Stream]) -> None:
    """Closes every connection, and writes its remaining output."""
    server.close()
    for stream in list(streams):
        stream.connection.close(AmqpError(CONNECTION_FORCED, "The service is shutting down."))
    await _wait_for(streams)  # for their answer, which azure-servicebus does not send while it is idle
    for stream in list(streams):
        stream.close()
    await _wait_for(streams)
    for stream in list(streams):
        stream.abort()


async def _wait_for(streams: set[_Stream]) -> None:
    if streams:
        await asyncio.wait([stream.closed for stream in streams], timeout=limits.SHUTDOWN_TIMEOUT)


async def _tick(streams: set[_Stream]) -> None:
    while True:
        await asyncio.sleep(limits.TICK_INTERVAL)
        for stream in list(streams):
            stream.connection.tick()


async def _report(operations: Operations, database: Path | str) -> None:
    """Writes every second what was counted, beside the database."""
    if str(database) == MEMORY:
        return
    file = Path(database).with_name(OPERATIONS_FILE)
    while True:
        await asyncio.sleep(limits.REPORT_INTERVAL)
        try:
            operations.write(file)
        except OSError as error:
            log.warning("%s could not be written: %s", file, error)


async def _checkpoint(store: Store) -> None:
    while True:
        await asyncio.sleep(limits.CHECKPOINT_INTERVAL)
        try:
            await asyncio.to_thread(store.checkpoint)
            store.restart_log()
        except sqlite3.Error as error:
            log.warning("the write-ahead log could not be checkpointed: %s", error)


@contextlib.contextmanager
def _sole_use_of(database: Path | str) -> Iterator[None]:
    """Locks the database against a second server. The operating system releases the lock when this process ends."""
    if str(database) == MEMORY:
        yield
        return
    with Path(f"{database}.lock").open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            reason = "is in use by another Service Bus: stop it, or choose another state"
            raise StateInUseError(f"{database} {reason}") from None
        yield


def _namespace(entities: Path | str | dict[str, Any] | Namespace) -> Namespace:
    if isinstance(entities, Namespace):
        return entities
    return Namespace.read(entities) if isinstance(entities, dict) else Namespace.load(Path(entities))
