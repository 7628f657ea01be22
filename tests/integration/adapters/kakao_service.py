"""A kakao service that misbehaves in many ways, and clients of it."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.test_utils import TestServer
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError

from shared.adapters.kakao_client import Credential, KakaoClient
from shared.domain.customer import Customer
from shared.settings import Settings
from shared.use_cases.deadline import Deadline
from tests.unit.fakes import CUSTOMER_ID, START, YEON

CUSTOMER = Customer.register(CUSTOMER_ID, YEON, START)

KAKAO_TIMEOUT = 0.3

type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def client_of(url: str, credential: Credential | None = None, **settings: object) -> KakaoClient:
    connections = {
        "cosmos_connection": "AccountEndpoint=http://127.0.0.1:1/;AccountKey=a;",
        "service_bus_connection": "Endpoint=sb://127.0.0.1:1;",
        "kakao_api_url": url,
        "kakao_timeout_seconds": KAKAO_TIMEOUT,
    }
    return KakaoClient(Settings.model_validate({**connections, **settings}), credential)


@asynccontextmanager
async def kakao(
    handler: Handler, credential: Credential | None = None, **settings: object
) -> AsyncIterator[KakaoClient]:
    app = web.Application()
    app.router.add_post("/kakaos", handler)
    async with TestServer(app) as server:
        client = client_of(str(server.make_url("/")), credential, **settings)
        try:
            yield client
        finally:
            await client.close()


@asynccontextmanager
async def woken_kakao(wake: Handler, **settings: object) -> AsyncIterator[KakaoClient]:
    """A kakao that takes every message, and answers the question for one with `wake`."""
    app = web.Application()
    app.router.add_post("/kakaos", answering(201))
    app.router.add_get("/kakaos/{id}", wake)
    app.router.add_get("/receipts/{id}", wake)
    async with TestServer(app) as server:
        client = client_of(str(server.make_url("/")), Identity("token"), kakao_api_scope="kakao/.default", **settings)
        try:
            yield client
        finally:
            await client.close()


async def notify(client: KakaoClient, seconds: float = 60) -> None:
    await client.notify_registered(CUSTOMER, Deadline.after(seconds))


async def hang(_: web.Request) -> web.StreamResponse:
    await asyncio.sleep(30)
    return web.Response(status=201)


async def close_half_way(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(status=201, headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"id":')
    assert request.transport
    request.transport.abort()
    return response


async def hang_in_the_middle_of_the_answer(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(status=201, headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"id":')
    await asyncio.sleep(30)
    return response


def answering(status: int, **headers: str) -> Handler:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={name.replace("_", "-"): value for name, value in headers.items()})

    return answer


BUSY = answering(429, Retry_After="1")


@asynccontextmanager
async def flaky_kakao(*behaviours: str, **settings: object) -> AsyncIterator[tuple[KakaoClient, list[str]]]:
    """A server that treats each call in its own way: `reset`, `half` an answer, `answer`. Remembers their keys."""
    keys: list[str] = []
    ways = iter(behaviours)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
        await reader.readexactly(int(length))
        keys.append(head.partition(b"idempotency-key: ")[2].partition(b"\r\n")[0].decode())
        match next(ways, "answer"):
            case "reset":
                writer.transport.abort()
            case "half":
                writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{")
                await writer.drain()
                writer.close()
            case "busy":
                writer.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                writer.close()
            case "full":
                writer.write(b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                writer.close()
            case "unauthorized":
                writer.write(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                writer.close()
            case _:
                writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        client = client_of(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", None, **settings)
        try:
            yield client, keys
        finally:
            await client.close()


class Identity:
    """Gives a token as a managed identity does, or fails as one does."""

    def __init__(self, token: str | None, lifetime: float = 3600) -> None:
        """`lifetime`: of each token, in seconds."""
        self._token = token
        self._lifetime = lifetime
        self.asked = 0

    async def get_token(self, *scopes: str) -> AccessToken:
        self.asked += 1
        if self._token is None:
            raise ClientAuthenticationError("no identity")
        return AccessToken(f"{self._token} for {' '.join(scopes)}", int(time.time() + self._lifetime))
