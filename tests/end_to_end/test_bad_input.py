"""Bad input is refused with a problem document. It stores nothing, and logs neither a stack trace nor personal data."""

import asyncio
import json
import unicodedata
from typing import Any

import pytest

from tests.end_to_end.test_fail_closed import wait_until_settled
from tools.play.apps import COLLECTIONS
from tools.play.local_system import LocalSystem

MARK = "Kim-Personal-Data"
GOOD: dict[str, Any] = {"customerName": MARK, "customerAddress": "인천", "customerAge": 20}
JSON = {"Content-Type": "application/json"}


def details(**changes: object) -> bytes:
    return json.dumps({**GOOD, **changes}).encode()


def without(field: str) -> bytes:
    return json.dumps({name: value for name, value in GOOD.items() if name != field}).encode()


BODIES: list[tuple[str, bytes, int]] = [
    ("an empty body", b"", 400),
    ("a truncated body", details()[:-10], 400),
    ("not JSON", b"customerName=yeon", 400),
    ("not UTF-8", details().replace(MARK.encode(), b"\xff\xfe"), 400),
    ("half a surrogate pair", details().replace(MARK.encode(), rb"\ud800"), 400),
    ("deep nesting", b"[" * 10_000, 400),
    ("an array", b"[]", 422),
    ("null", b"null", 422),
    ("a number", b"1", 422),
    ("no name", without("customerName"), 422),
    ("no address", without("customerAddress"), 422),
    ("no age", without("customerAge"), 422),
    ("an empty name", details(customerName=""), 422),
    ("a blank name", details(customerName=" \t "), 422),
    ("an empty address", details(customerAddress=""), 422),
    ("a name of 101", details(customerName="n" * 101), 422),
    ("an address of 201", details(customerAddress="가" * 201), 422),
    ("a name that is a number", details(customerName=5), 422),
    ("a name that is null", details(customerName=None), 422),
    ("an address that is an object", details(customerAddress={"city": MARK}), 422),
    ("a line break in a name", details(customerName=f"{MARK}\r\nX-Injected: yes"), 422),
    ("a NUL in a name", details(customerName=f"{MARK}\x00"), 422),
    ("a name of a Hangul filler", details(customerName="\u3164"), 422),
    ("a name of a zero width space", details(customerName="\u200b"), 422),
    ("a name that turns text around", details(customerName=f"\u202e{MARK}"), 422),
    ("a phone number that is a number", details(customerPhone=1023456789), 422),
    ("a phone number with a name", details(customerPhone=f"010-2345-6789 {MARK}"), 422),
    ("a phone number of a landline", details(customerPhone="032-345-6789"), 422),
    ("age -1", details(customerAge=-1), 422),
    ("age 151", details(customerAge=151), 422),
    ("age 20.5", details(customerAge=20.5), 422),
    ("age true", details(customerAge=True), 422),
    ("age twenty", details(customerAge="twenty"), 422),
    ("age 1e400", details().replace(b"20}", b"1e400}"), 422),
    ("a body of 16 KiB and one byte", details() + b" " * (16 * 1024 + 1 - len(details())), 413),
]


@pytest.mark.parametrize("path", ["/customers", "/kakaos"])
async def test_a_bad_body_is_refused_and_stores_nothing(system: LocalSystem, path: str) -> None:
    await wait_until_settled(system)
    before = await system.count()

    for what, body, status in BODIES:
        response = await system.call("POST", path, data=body, headers=JSON)
        assert (what, response.status) == (what, status)
        problem = response.body
        assert response.headers["Content-Type"] == "application/problem+json"
        assert (problem["status"], problem["instance"], len(problem["traceId"])) == (status, path, 32)
        assert MARK not in response.text
        assert (status == 422) == ("errors" in problem)

    assert await system.count() == before
    assert_logs_are_clean(system)


@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=euc-kr", "x"]
)
async def test_another_media_type_is_415(system: LocalSystem, media_type: str) -> None:
    response = await system.call("POST", "/customers", data=details(), headers={"Content-Type": media_type})

    assert response.status == 415


@pytest.mark.parametrize(
    "path",
    [
        "/customers/1",
        "/customers/0189ee3e-0000-7000-8000-000000000000",
        "/customers/registration",
        "/customers/%00",
        "/customers/%F0%9F%91%8D",
        "/customers/" + "x" * 4000,
        "/kakaos/1",
        "/kakaos/0189ee3e-0000-7000-8000-000000000000.registered",
        "/kakaos/0189ee3e-0000-7000-8000-000000000000.nonsense",
        "/customerViews/1",
        "/nonsense",
        "/customersX",
        "/",
    ],
)
async def test_an_unknown_resource_is_not_found(system: LocalSystem, path: str) -> None:
    response = await system.call("GET", path)

    assert response.status == (404 if path != "/" else 200)
    assert "Traceback" not in response.text


async def test_a_path_with_dot_segments_is_refused(system: LocalSystem) -> None:
    response = await system.call("GET", "/customers/..%2Fkakaos")

    assert (response.status, response.body["status"]) == (400, 400)


async def test_an_overlong_path_is_refused_by_gateway_and_app(system: LocalSystem) -> None:
    for service in ("gateway", "customer"):
        response = await system.call("GET", "/customers/" + "x" * 20_000, service=service)
        assert response.status == 414


@pytest.mark.parametrize(
    "query",
    ["size=0", "size=101", "size=-1", "size=x", "size=1.5", "size=", "cursor=x", "cursor=", "cursor=%00", "cursor=W10"],
)
@pytest.mark.parametrize("collection", COLLECTIONS.values())
async def test_an_invalid_query_parameter_is_400_and_named(system: LocalSystem, collection: str, query: str) -> None:
    response = await system.call("GET", f"/{collection}?{query}")

    assert response.status == 400
    assert response.body["errors"][0]["field"] == query.partition("=")[0]


@pytest.mark.parametrize("key", ["", " ", "a b", "열쇠", "k" * 256])
async def test_an_invalid_idempotency_key_is_400(system: LocalSystem, key: str) -> None:
    response = await system.call("POST", "/customers", data=details(), headers={**JSON, "Idempotency-Key": key})

    assert response.status == 400


async def test_a_header_with_a_line_break_never_becomes_two(system: LocalSystem) -> None:
    for service in ("gateway", "customer"):
        reader, writer = await asyncio.open_connection("127.0.0.1", system.stack.port(service))
        body = details()
        writer.write(
            b"POST /customers HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"X-Forwarded-Host: evil.example\nX-Injected: yes\r\nIdempotency-Key: a\x00b\r\n"
            b"Connection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        response = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        assert b" 400 " in response.splitlines()[0]
        assert b"X-Injected" not in response


async def test_a_forged_forwarded_host_is_in_no_link(system: LocalSystem) -> None:
    headers = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "X-Forwarded-Prefix": "/evil"}

    response = await system.call("POST", "/customers", json=GOOD, headers=headers)

    assert response.headers["Location"].startswith(system.stack.url("gateway") + "/customers/")


@pytest.mark.parametrize(
    "name",
    ["홍길동", "👩‍👩‍👧‍👦", "e\u0301\u0323", "Ünïcödé", "שלום", "n" * 100, "가" * 100, "<script>", "'; --", "\\u0000"],
)
async def test_names_in_any_script_come_back_composed(system: LocalSystem, name: str) -> None:
    response = await system.call("POST", "/customers", json={**GOOD, "customerName": name})
    customer_id = response.body["id"]
    await system.wait_for_view(customer_id, "REGISTERED")

    for path in (f"/customers/{customer_id}", f"/kakaos/{customer_id}.registered", f"/customerViews/{customer_id}"):
        assert (await system.call("GET", path)).body["customerName"] == unicodedata.normalize("NFC", name)


async def test_values_at_the_limits_are_accepted(system: LocalSystem) -> None:
    body = details(customerName="n" * 100, customerAddress="a" * 200, customerAge=150)
    padded = body + b" " * (16 * 1024 - len(body))

    for accepted in (padded, details(customerAge=14), details(customerAge="150"), details(unknown=[1, {"a": None}])):
        assert (await system.call("POST", "/customers", data=accepted, headers=JSON)).status == 201


async def test_no_log_has_a_stack_trace_or_personal_data(system: LocalSystem) -> None:
    customer_id = await system.register(GOOD)
    await system.call("DELETE", f"/customers/{customer_id}")
    await system.wait_for_alert(customer_id)
    await system.wait_for_view(customer_id, "CANCELED")

    assert_logs_are_clean(system)


def assert_logs_are_clean(system: LocalSystem) -> None:
    for service in ("gateway", "customer", "kakao", "customerview", "service_bus", "cosmos"):
        log = system.stack.log(service)
        assert MARK not in log, service
        assert "인천" not in log, service
        assert "Traceback" not in log, service
