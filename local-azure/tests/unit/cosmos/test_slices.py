"""Work in slices: in turn with others, and ended when the client has gone."""

import asyncio
from collections.abc import Callable

from local_azure.cosmos.wire.group_commit import GroupCommit
from local_azure.cosmos.wire.messages import Request, Response
from local_azure.cosmos.wire.protocol import HttpProtocol
from local_azure.cosmos.wire.slices import Slices, Work
from tests.unit.cosmos.accounts import Shop


class Wire(asyncio.Transport):
    """A connection, and what the server has written to it."""

    def __init__(self, application: Callable[[Request], Response | Work], slices: Slices) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.reading = True
        storage = Shop().storage
        storage.commit()
        self._protocol = HttpProtocol(application, GroupCommit(storage, asyncio.get_running_loop()), slices, set())
        self._protocol.connection_made(self)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def get(self, *paths: str) -> None:
        self._protocol.data_received(b"".join(f"GET {path} HTTP/1.1\r\nhost: a\r\n\r\n".encode() for path in paths))

    def lose(self) -> None:
        self._protocol.connection_lost(None)

    @property
    def bodies(self) -> list[bytes]:
        return [response.rpartition(b"\r\n\r\n")[2] for response in self.written]


class Steps:
    """An application: the number in the path says how many slices the work has."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.ended: list[str] = []

    def __call__(self, request: Request) -> Response | Work:
        count = int(request.target.rpartition("/")[2])
        return self._work(request.target, count) if count else Response(200, request.target.encode())

    def _work(self, name: str, count: int) -> Work:
        try:
            for _ in range(count - 1):
                self.done.append(name)
                yield
            return Response(200, name.encode())
        finally:
            self.ended.append(name)


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_work_of_one_slice_is_answered_at_once() -> None:
    wire = Wire(Steps(), Slices(asyncio.get_running_loop()))

    wire.get("/1")

    assert wire.bodies == [b"/1"]


async def test_long_work_takes_turns_and_lets_short_work_through() -> None:
    steps, slices = Steps(), Slices(asyncio.get_running_loop())
    first, second, third = (Wire(steps, slices) for _ in range(3))

    first.get("/a/4")
    second.get("/b/4")
    await turns(3)
    third.get("/c/0")

    assert third.bodies == [b"/c/0"]
    assert steps.done == ["/a/4", "/b/4", "/a/4", "/b/4"]
    assert not first.written
    await turns(10)
    assert (first.bodies, second.bodies) == ([b"/a/4"], [b"/b/4"])


async def test_long_work_goes_on_slowly_while_there_are_other_requests() -> None:
    steps, slices = Steps(), Slices(asyncio.get_running_loop())
    long, short = (Wire(steps, slices) for _ in range(2))
    long.get("/a/1000")

    for _ in range(50):
        short.get("/b/0")
        await turns(1)

    assert len(short.written) == 50
    assert 5 <= len(steps.done) <= 15


async def test_requests_that_follow_on_the_connection_are_answered_in_their_order() -> None:
    wire = Wire(Steps(), Slices(asyncio.get_running_loop()))

    wire.get("/a/3", "/b/0", "/c/2", "/d/0")

    assert not wire.reading
    await turns(20)
    assert wire.bodies == [b"/a/3", b"/b/0", b"/c/2", b"/d/0"]
    assert wire.reading


async def test_work_ends_with_its_connection() -> None:
    steps, slices = Steps(), Slices(asyncio.get_running_loop())
    wire = Wire(steps, slices)
    wire.get("/a/100", "/b/0")
    await turns(3)

    wire.lose()
    await turns(5)

    assert steps.ended == ["/a/100"]
    assert len(steps.done) < 10
    assert not wire.written
