"""Which host an upstream learns of, and which requests are refused for their Host (RFC 9112 §3.2)."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from yarl import URL

from tests.integration.local_azure.servers import gateway_to

DEADLINE_SECONDS = 60.0


async def _echo(request: web.Request) -> web.Response:
    return web.json_response({"target": request.raw_path, "forwarded": dict(request.headers)})


@pytest.fixture
async def gateway() -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/customers{rest:.*}", _echo)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with gateway_to(f"http://127.0.0.1:{runner.addresses[0][1]}") as address:
        yield address
    await runner.cleanup()


async def sent(gateway: str, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the response to a request as bytes."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        reader, writer = await asyncio.open_connection("127.0.0.1", URL(gateway).port)
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        writer.close()
    return int(head[0].split()[1]), headers, body


def get(*lines: str, target: str = "/customers", version: str = "1.1") -> bytes:
    return "\r\n".join([f"GET {target} HTTP/{version}", *lines, "", ""]).encode("latin-1")


@pytest.mark.parametrize(
    ("host", "forwarded"),
    [
        ("my_gateway:8080", "my_gateway:8080"),
        ("api.example", "api.example"),
        ("[::1]:8080", "[::1]:8080"),
        ("localhost:", "localhost"),
        ("  localhost:8080  ", "localhost:8080"),
        ("LOCALHOST.", "LOCALHOST."),
    ],
)
async def test_the_upstream_learns_the_host_that_the_client_called(gateway: str, host: str, forwarded: str) -> None:
    status, _, body = await sent(gateway, get(f"Host: {host}"))

    assert (status, json.loads(body)["forwarded"]["X-Forwarded-Host"]) == (200, forwarded)


@pytest.mark.parametrize("lines", [(), ("Host:",)])
async def test_without_a_host_in_http_1_0_the_upstream_learns_the_address_of_the_gateway(
    gateway: str, lines: tuple[str, ...]
) -> None:
    status, _, body = await sent(gateway, get(*lines, version="1.0"))

    assert status == 200
    assert f"http://{json.loads(body)['forwarded']['X-Forwarded-Host']}" == gateway


@pytest.mark.parametrize(
    "lines",
    [
        (),
        ("Host:",),
        ("Host: a.example", "Host: b.example"),
        ("Host: a.example", "host: a.example"),
        ("Host: a.example, b.example",),
        ("Host: a b",),
        ("Host: user@a.example",),
        ("Host: a.example/customers",),
        ("Host: http://a.example",),
        ("Host: a.example:http",),
        ("Host: a.example:123456",),
        ("Host: [::1",),
        ("Host: ::1",),
        ("Host: a.example?x",),
        ("Host: a.example#x",),
        ("Host: a\\b",),
        ("Host: \u00e9.example",),
        ("Host : a.example",),
        ("Host: a.example", " b.example"),
    ],
)
async def test_a_missing_repeated_or_invalid_host_is_refused(gateway: str, lines: tuple[str, ...]) -> None:
    status, headers, body = await sent(gateway, get(*lines))

    assert (status, headers["content-type"], headers["connection"]) == (400, "application/problem+json", "close")
    problem = json.loads(body)
    assert (problem["status"], len(problem["traceId"])) == (400, 32)


async def test_two_hosts_are_refused_in_http_1_0_too(gateway: str) -> None:
    status, _, _ = await sent(gateway, get("Host: a.example", "Host: b.example", version="1.0"))

    assert status == 400


@pytest.mark.parametrize(
    ("target", "host", "expected"),
    [
        ("http://a.example/customers?x=1", "a.example", 200),
        ("HTTP://A.example:80/customers?x=1", "a.EXAMPLE:80", 200),
        ("http://evil.example/customers?x=1", "a.example", 400),
        ("http://a.example@evil.example/customers?x=1", "a.example", 400),
        ("http://evil.example@a.example/customers?x=1", "a.example", 400),
        ("http://a.example:81/customers?x=1", "a.example", 400),
        ("http://a.example", "a.example", 200),
    ],
)
async def test_an_absolute_target_has_to_name_the_same_host(
    gateway: str, target: str, host: str, expected: int
) -> None:
    status, _, body = await sent(gateway, get(f"Host: {host}", target=target))

    assert status == expected
    if expected == 200 and "customers" in target:
        echoed = json.loads(body)
        assert (echoed["target"], echoed["forwarded"]["X-Forwarded-Host"]) == ("/customers?x=1", host)


@pytest.mark.parametrize(
    "forged",
    [
        "X-Forwarded-Host: evil.example",
        "x-forwarded-HOST: evil.example",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Prefix: /evil",
        "X-Forwarded-Port: 1",
        "Forwarded: host=evil.example",
        "Connection: X-Forwarded-Host",
        "Connection: Host",
    ],
)
async def test_no_header_of_a_client_makes_links_lead_elsewhere(gateway: str, forged: str) -> None:
    status, _, body = await sent(gateway, get("Host: a.example", forged))

    forwarded = json.loads(body)["forwarded"]
    assert (status, forwarded["X-Forwarded-Host"], forwarded["X-Forwarded-Proto"]) == (200, "a.example", "http")
    assert "evil" not in json.dumps(forwarded)
    assert not {"X-Forwarded-Prefix", "X-Forwarded-Port", "Forwarded"} & set(forwarded)


async def test_what_is_not_http_is_refused_with_a_problem_document(gateway: str) -> None:
    for request in (b"nonsense\r\n\r\n", get("Host: a", target="/customers/\u00e9"), get("Host: a", target="x")):
        status, headers, body = await sent(gateway, request)
        assert (status, headers["content-type"]) == (400, "application/problem+json")
        assert json.loads(body)["status"] == 400
