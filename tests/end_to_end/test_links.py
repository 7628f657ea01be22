"""Links and Location lead to where the client called, whatever it sends."""

import asyncio
import json
import re

import pytest

from shared.settings import Service
from tools.play.apps import COLLECTIONS
from tools.play.local_system import LocalSystem

GATEWAY = "gateway"
DEADLINE_SECONDS = 60
DETAILS = json.dumps({"customerName": "yeon", "customerAddress": "incheon", "customerAge": 20}).encode()
FORGED = [
    "X-Forwarded-Host: evil.example",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Prefix: /evil",
    "Forwarded: host=evil.example;proto=https",
    "X-Original-Host: evil.example",
    "X-Host: evil.example",
    "X-Original-Url: https://evil.example/customers",
]


async def exchanged(system: LocalSystem, service: str, lines: list[str], body: bytes = b"") -> tuple[int, str]:
    """Status, and the whole response as text."""
    head = [*lines, "Connection: close"]
    if body:
        head += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    async with asyncio.timeout(DEADLINE_SECONDS):
        reader, writer = await asyncio.open_connection("127.0.0.1", system.stack.port(service))
        writer.write("\r\n".join([*head, "", ""]).encode("latin-1") + body)
        response = (await reader.read()).decode()
        writer.close()
    return int(response.split()[1]), response


def hosts_in(response: str) -> set[str]:
    """Scheme and host of each link, Location included."""
    return set(re.findall(r"https?://[^/\"\s]+", response))


@pytest.mark.parametrize("host", ["my_gateway:8080", "api.example", "[::1]:8080", "localhost:8080"])
async def test_links_have_the_host_that_the_client_called(system: LocalSystem, host: str) -> None:
    status, posted = await exchanged(system, GATEWAY, ["POST /customers HTTP/1.1", f"Host: {host}"], DETAILS)

    assert (status, hosts_in(posted)) == (201, {f"http://{host}"})
    assert f"location: http://{host}/customers/" in posted


@pytest.mark.parametrize("service", [GATEWAY, *COLLECTIONS])
async def test_without_a_host_in_http_1_0_links_have_the_address_of_the_server(
    system: LocalSystem, service: str
) -> None:
    await system.wait_for_view(await system.register(), "REGISTERED")

    for collection in COLLECTIONS.values() if service == GATEWAY else [COLLECTIONS[Service(service)]]:
        status, listed = await exchanged(system, service, [f"GET /{collection} HTTP/1.0"])
        assert (status, hosts_in(listed)) == (200, {system.stack.url(service)})


async def test_nothing_that_a_client_sends_to_the_gateway_makes_links_lead_elsewhere(system: LocalSystem) -> None:
    status, posted = await exchanged(system, GATEWAY, ["POST /customers HTTP/1.1", "Host: a.example", *FORGED], DETAILS)
    listing = await exchanged(system, GATEWAY, ["GET /customers?size=1 HTTP/1.1", "Host: a.example", *FORGED])

    assert (status, listing[0]) == (201, 200)
    assert hosts_in(posted) == hosts_in(listing[1]) == {"http://a.example"}
    assert "evil" not in posted + listing[1]


@pytest.mark.parametrize("service", [GATEWAY, *COLLECTIONS])
@pytest.mark.parametrize(
    ("target", "hosts"),
    [
        ("/customers", []),
        ("/customers", ["Host: a.example", "Host: evil.example"]),
        ("/customers", ["Host: a.example@evil.example"]),
        ("/customers", ["Host: a.example evil.example"]),
        ("/customers", ["Host: evil.example/a.example"]),
        ("http://evil.example/customers", ["Host: a.example"]),
        ("http://a.example@evil.example/customers", ["Host: a.example"]),
    ],
)
async def test_a_missing_repeated_invalid_or_contradicted_host_is_400(
    system: LocalSystem, service: str, target: str, hosts: list[str]
) -> None:
    status, response = await exchanged(system, service, [f"GET {target} HTTP/1.1", *hosts])

    assert (status, hosts_in(response)) == (400, set())
