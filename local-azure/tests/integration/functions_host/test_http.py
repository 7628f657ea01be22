"""HTTP functions and the host's own endpoints, while Service Bus and Cosmos DB are down."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp
import pytest
import pytest_asyncio

from tests.integration.functions_host.hosts import Host, Sample, sample_in, until
from tests.integration.local_azure.servers import gateway_to

pytestmark = pytest.mark.asyncio(loop_scope="module")

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TIMEOUT = aiohttp.ClientTimeout(20)


@dataclass
class Site:
    """The running sample app and an HTTP client."""

    sample: Sample
    host: Host
    client: aiohttp.ClientSession

    async def raw(self, request: bytes, *, until_closed: bool = False) -> bytes:
        """The answer to these bytes, up to the end of its headers, or until the host closes the connection."""
        address = urlsplit(self.host.url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(request)
        async with asyncio.timeout(10):
            answer = await (reader.read() if until_closed else reader.readuntil(b"\r\n\r\n"))
        writer.close()
        return answer


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    sample = sample_in(tmp_path_factory.mktemp("http"))
    sample.settings["AzureWebJobs_cookies_Disabled"] = "false"
    async with (
        sample.running() as host,
        aiohttp.ClientSession(host.url, timeout=TIMEOUT, cookie_jar=aiohttp.DummyCookieJar()) as client,
    ):
        yield Site(sample, host, client)


async def test_a_function_gets_the_request(site: Site) -> None:
    async with site.client.post(
        "/api/Hello/7?a=1&a=2&b=%EA%B9%80", data=b"body", headers={"traceparent": PARENT, "X-One": "1"}
    ) as response:
        seen = await response.json()

    assert response.status == 200
    assert response.headers["x-id"] == "7"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert seen["method"] == "POST"
    assert seen["url"] == f"{site.host.url}/api/Hello/7?a=1&a=2&b=%EA%B9%80"
    assert seen["query"] == {"a": "1,2", "b": "김"}
    assert seen["route"] == {"id": "7"}
    assert seen["headers"]["x-one"] == "1"
    assert seen["body"] == "body"
    assert seen["trace"] == PARENT


async def test_a_request_without_a_trace_gets_a_valid_one(site: Site) -> None:
    async with site.client.get("/api/hello") as response:
        seen = await response.json()

    version, trace, span, flags = seen["trace"].split("-")
    assert (version, len(trace), len(span), flags) == ("00", 32, 16, "01")


async def test_a_body_without_a_length_arrives_empty(site: Site) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"body"

    async with site.client.post("/api/hello", data=chunks()) as response:
        seen = await response.json()

    assert seen["body"] == ""


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("PUT", "/api/hello", 404),
        ("HEAD", "/api/hello", 404),
        ("OPTIONS", "/api/hello", 404),
        ("GET", "/api/hello/seven", 404),
        ("GET", "/hello", 404),
        ("GET", "/api/nothing", 500),
        ("GET", "/api/leave", 500),
        ("HEAD", "/api/cookies", 202),
        ("GET", "/", 200),
        ("GET", "/admin/host/status", 200),
        ("GET", "/admin/host/ping", 200),
        ("POST", "/admin/host/ping", 200),
        ("GET", "/admin/host/nothing", 404),
        ("GET", "/admin/functions/absent", 404),
        ("GET", "/admin/functions/hello/status", 200),
    ],
)
async def test_the_status_depends_on_method_and_path(site: Site, method: str, path: str, status: int) -> None:
    async with site.client.request(method, path) as response:
        body = await response.read()

    assert response.status == status
    if status in (404, 500):
        assert body == b""


async def test_a_failed_function_is_an_empty_500_and_one_line_in_the_log(site: Site) -> None:
    site.sample.fail("hello")

    async with site.client.get("/api/hello") as response:
        body = await response.read()

    assert (response.status, body) == (500, b"")
    lines = await until(lambda: [line for line in site.host.log if "function=hello" in line and "failed" in line])
    assert len(lines) == 1
    assert "ValueError" in lines[0]
    assert "function_app.py:" in lines[0]
    assert "secret of a caller" not in "".join(site.host.log)


async def test_each_cookie_has_its_own_header_also_behind_the_gateway(site: Site) -> None:
    expected = [
        "a=1; path=/x",
        "b=2; path=/; httponly",
        "__Host-c=a.b-_%3D; max-age=60; path=/; secure; samesite=lax; httponly",
        "__Host-d=; max-age=0; path=/; secure; samesite=lax; httponly",
    ]

    async with gateway_to(site.host.url, route="/api") as gateway:
        for address in ("", gateway):
            async with site.client.get(f"{address}/api/cookies") as response:
                assert response.headers.getall("set-cookie") == expected


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /api/hello?" + b"a" * 8192 + b" HTTP/1.1\r\nhost: x\r\n\r\n", b"414"),
        (b"GET /api/hello HTTP/1.1\r\nhost: x\r\nx: " + b"a" * 32768 + b"\r\n\r\n", b"431"),
        (b"POST /api/hello HTTP/1.1\r\nhost: x\r\ncontent-length: 104857601\r\n\r\n", b"413"),
    ],
)
async def test_limits_are_kestrels(site: Site, request_bytes: bytes, status: bytes) -> None:
    assert (await site.raw(request_bytes)).split()[1] == status


async def test_synchronous_functions_do_not_hold_up_others(site: Site) -> None:
    slow = asyncio.create_task(site.raw(b"GET /api/slow?seconds=1 HTTP/1.1\r\nhost: x\r\n\r\n"))
    await asyncio.sleep(0)

    async with site.client.get("/api/hello") as response:
        assert response.status == 200
    assert not slow.done()

    assert (await slow).split()[1] == b"200"


@pytest.mark.parametrize(
    "head",
    [
        b"GET /api/hello HTTP/1.1\r\n",
        b"GET /api/hello HTTP/1.1\r\nHost: a\r\nhost: b\r\n",
        b"GET /api/hello HTTP/1.1\r\nHost: a@b\r\n",
        b"GET /admin/host/ping HTTP/1.1\r\nHost: a b\r\n",
        b"GET http://b/api/hello HTTP/1.1\r\nHost: a\r\n",
    ],
)
async def test_a_missing_repeated_or_invalid_host_is_refused_as_by_kestrel(site: Site, head: bytes) -> None:
    assert (await site.raw(head + b"\r\n")).split()[1] == b"400"


async def test_without_a_host_in_http_1_0_a_function_gets_the_address_of_the_server(site: Site) -> None:
    answer = await site.raw(b"GET /api/hello HTTP/1.0\r\n\r\n", until_closed=True)

    assert answer.split()[1] == b"200"
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["url"] == f"{site.host.url}/api/hello"


async def test_functions_are_listed(site: Site) -> None:
    async with site.client.get("/admin/functions") as response:
        listed = {function["name"]: function for function in await response.json()}

    assert listed["hello"]["invoke_url_template"] == f"{site.host.url}/api/hello/{{id:int?}}"
    assert listed["on-message"]["config"]["bindings"][0]["topicName"] == "events"
    assert not listed["tick"]["isDisabled"]


@pytest.mark.parametrize(
    ("function", "content", "recorded"),
    [
        ("on-message", "text", {"body": "text", "properties": {}}),
        ("on-change", '[{"id": "1"}, {"id": "2"}]', {"ids": ["1", "2"]}),
        ("tick", "", {"past_due": False}),
    ],
)
async def test_any_function_can_be_invoked_by_admin(
    site: Site, function: str, content: str, recorded: dict[str, object]
) -> None:
    async with site.client.post(f"/admin/functions/{function}", json={"input": content}) as response:
        assert response.status == 202

    (seen,) = await until(lambda: site.sample.records_of(function))
    assert recorded.items() <= seen.items()


@pytest.mark.parametrize(("function", "body"), [("on-change", '{"input": "{"}'), ("hello", "{"), ("hello", "[]")])
async def test_an_invocation_by_admin_with_invalid_input_is_refused(site: Site, function: str, body: str) -> None:
    async with site.client.post(f"/admin/functions/{function}", data=body) as response:
        assert response.status == 400


async def test_draining_is_reported_and_can_be_undone(site: Site) -> None:
    async with site.client.post("/admin/host/drain") as response:
        assert response.status == 202
    async with site.client.get("/admin/host/drain/status") as response:
        assert (await response.json())["state"] in ("InProgress", "Completed")
    async with site.client.get("/api/hello") as response:
        assert response.status == 200
    async with site.client.post("/admin/host/resume") as response:
        assert (await response.json())["state"] == "Running"
    async with site.client.get("/admin/host/drain/status") as response:
        assert (await response.json())["state"] == "Disabled"


async def test_an_outage_is_one_line_for_each_listener(site: Site) -> None:
    lost = await until(lambda: [line for line in site.host.log if "lost: " in line and "function=on-batch:" in line])

    assert len(lost) <= 2  # once more after the listeners were resumed
    assert json.dumps("secret of a caller") not in "".join(site.host.log)
