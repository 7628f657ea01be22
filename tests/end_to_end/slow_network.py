"""A slow network for tests: emulators and token endpoint that answer late, and a front end as Azure has it."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import aiohttp
from aiohttp import web

from tools.play.waiting import wait_until

HOST = "127.0.0.1"
CHUNK = 65_536
START_SECONDS = 60.0
"""How long a process may take to start on a busy machine."""

type Target = Callable[[], Awaitable[int]]


@asynccontextmanager
async def forwarding(target: Target, delay: float = 0) -> AsyncIterator[int]:
    """Forwards each connection to the port that `target` names, and every byte of the answers `delay` seconds later.

    Yields its own port.
    """
    connections: set[asyncio.Task[None]] = set()

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        connections.add(task)
        with suppress(OSError, TimeoutError):
            answers, requests = await asyncio.open_connection(HOST, await target())
            try:
                await asyncio.gather(_copy(reader, requests, 0), _copy(answers, writer, delay))
            finally:
                requests.close()
        writer.close()
        connections.discard(task)

    server = await asyncio.start_server(forward, HOST, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in list(connections):
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    """Each chunk is late by itself, as on a long line: those that follow are on their way meanwhile."""
    waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def read() -> None:
        try:
            while chunk := await reader.read(CHUNK):
                waiting.put_nowait((time.monotonic() + delay, chunk))
        finally:
            waiting.put_nowait((time.monotonic() + delay, b""))

    reading = asyncio.create_task(read())
    try:
        while True:
            due, chunk = await waiting.get()
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if not chunk:
                break
            writer.write(chunk)
            await writer.drain()
    finally:
        reading.cancel()
        with suppress(OSError, asyncio.CancelledError):
            await reading
        writer.close()


async def port_of(port: int) -> int:
    """A target that is always the same."""
    return port


async def once_healthy(port: int) -> int:
    """A target that is reached once its app has started: until then a platform holds requests back."""

    async def is_healthy() -> bool:
        try:
            async with aiohttp.request("GET", f"http://{HOST}:{port}/health") as response:
                return response.status == 200
        except aiohttp.ClientError:
            return False

    await wait_until(is_healthy, f"the app at port {port} has started", START_SECONDS)
    return port


@asynccontextmanager
async def token_endpoint(delay: float, secret: str) -> AsyncIterator[str]:
    """The managed identity endpoint of App Service (API version 2019-08-01). Yields its URL."""

    async def answer(request: web.Request) -> web.Response:
        if request.headers.get("X-IDENTITY-HEADER") != secret:
            return web.Response(status=401)
        await asyncio.sleep(delay)
        expiry = str(int(time.time()) + 86_400)
        token = {"access_token": "token", "expires_on": expiry, "resource": request.query["resource"]}
        return web.json_response({**token, "token_type": "Bearer"})

    app = web.Application()
    app.router.add_get("/token", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, HOST, 0)
        await site.start()
        yield f"http://{HOST}:{runner.addresses[0][1]}/token"
    finally:
        await runner.cleanup()
