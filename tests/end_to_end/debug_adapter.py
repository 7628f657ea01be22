"""A small client of the Debug Adapter Protocol, which is what an editor speaks with debugpy."""

import json
import socket
import time
from collections import deque
from collections.abc import Callable
from typing import IO, Any, Self

HOST = "127.0.0.1"
CONNECT_SECONDS = 60
ANSWER_SECONDS = 60
RETRY_SECONDS = 0.1

Message = dict[str, Any]


class DebugAdapter:
    """A connection to a debug adapter. Use it as a context manager."""

    def __init__(self, connection: socket.socket) -> None:
        connection.settimeout(ANSWER_SECONDS)
        self._connection = connection
        self._incoming: IO[bytes] = connection.makefile("rb")
        self._unread: deque[Message] = deque()
        self._sequence = 0

    @classmethod
    def at(cls, port: int) -> Self:
        """Connects as soon as it listens. Raises OSError if that takes too long."""
        deadline = time.monotonic() + CONNECT_SECONDS
        while True:
            try:
                return cls(socket.create_connection((HOST, port)))
            except ConnectionRefusedError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(RETRY_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._incoming.close()
        self._connection.close()

    def send(self, command: str, **arguments: object) -> int:
        """Sends a request without waiting for its answer; returns its number."""
        self._sequence += 1
        request = {"seq": self._sequence, "type": "request", "command": command, "arguments": arguments}
        body = json.dumps(request).encode()
        self._connection.sendall(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        return self._sequence

    def answer(self, number: int) -> Message:
        """The body of the answer to a request. Raises AssertionError if it failed."""
        response = self._next(lambda message: message.get("request_seq") == number)
        assert response["success"], response.get("message")
        return dict(response.get("body") or {})

    def request(self, command: str, **arguments: object) -> Message:
        return self.answer(self.send(command, **arguments))

    def event(self, name: str) -> Message:
        """The body of the next event of this name."""
        return dict(self._next(lambda message: message.get("event") == name).get("body") or {})

    def _next(self, is_wanted: Callable[[Message], bool]) -> Message:
        for message in self._unread:
            if is_wanted(message):
                self._unread.remove(message)
                return message
        while not is_wanted(message := self._read()):
            self._unread.append(message)
        return message

    def _read(self) -> Message:
        length = 0
        while line := self._incoming.readline().strip():
            name, _, value = line.partition(b":")
            length = int(value) if name == b"Content-Length" else length
        content = self._incoming.read(length)
        if not content:
            raise ConnectionError("the debug adapter closed the connection")
        return dict(json.loads(content))
