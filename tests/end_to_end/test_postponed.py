"""While kakao is down, whoever would rather wait is accepted, and registered by itself once kakao is back."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from multidict import CIMultiDict

from local_azure.stack import Stack
from shared.resources import CUSTOMERS, KAKAOS
from tools.paths import LOCAL_AZURE_SETTINGS
from tools.play.local_system import LocalSystem
from tools.play.system import YEON, Response
from tools.play.waiting import wait_until

# A run every ten seconds; pauses of up to twelve and then up to 25 seconds; the circuit breaker; a busy machine.
REGISTERED_WITHIN = 60
# Whatever was withdrawn and asked about is settled after thirty seconds and the next attempt.
SETTLED_WITHIN = 90
ASYNC = {"Prefer": "respond-async"}

pytestmark = pytest.mark.xdist_group("postponed")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Its own: other tests need kakao."""
    with Stack.start(LOCAL_AZURE_SETTINGS, tmp_path_factory.mktemp("postponing")) as stack:
        yield stack


@pytest.fixture
async def system(stack: Stack) -> AsyncIterator[LocalSystem]:
    async with LocalSystem.of(stack) as system:
        yield system


@asynccontextmanager
async def without_kakao(system: LocalSystem) -> AsyncIterator[None]:
    await asyncio.to_thread(system.stack.stop_service, "kakao")
    try:
        yield
    finally:
        await asyncio.to_thread(system.stack.start_service, "kakao")


async def register(system: LocalSystem, key: str | None = None, **headers: str) -> Response:
    keys = {"Idempotency-Key": key} if key else {}
    return await system.call("POST", "/customers", json=YEON, headers={**headers, **keys})


async def postponed(system: LocalSystem, key: str | None = None) -> str:
    response = await register(system, key, **ASYNC)
    assert response.status == 202, response.text
    return str(response.body["id"])


async def status_of(system: LocalSystem, registration_id: str) -> str:
    response = await system.call("GET", f"/registrations/{registration_id}")
    return str(response.body["status"]) if response.status == 200 else str(response.status)


async def wait_until_registered(system: LocalSystem, registration_id: str) -> None:
    async def is_registered() -> bool:
        return await status_of(system, registration_id) == "registered"

    await wait_until(is_registered, "the customer is registered", REGISTERED_WITHIN, poll_seconds=0.5)


async def documents(system: LocalSystem, customer_id: str) -> dict[str, list[dict[str, Any]]]:
    """Those of a customer in `customers`, by type."""
    found: dict[str, list[dict[str, Any]]] = {}
    for document in await system.stored(CUSTOMERS, customer_id):
        found.setdefault(document["type"], []).append(document)
    return found


async def messages(system: LocalSystem, customer_id: str) -> list[str]:
    return [message["kind"] for message in await system.stored(KAKAOS, customer_id) if message["type"] == "message"]


async def registered_once(system: LocalSystem, customer_id: str) -> None:
    found = await documents(system, customer_id)
    assert len(found["customer"]) == 1
    assert [event["event"]["type"] for event in found["event"]] == ["CustomerRegistered"]
    assert await messages(system, customer_id) == ["registered"]
    await system.wait_for_view(customer_id, "REGISTERED")


@pytest.mark.timeout(480)
async def test_who_was_postponed_is_registered_by_itself_exactly_once(system: LocalSystem) -> None:
    async with without_kakao(system):
        refused = await register(system)
        accepted = await register(system, **ASYNC)
        lines = [("Prefer", 'wait=5; a="b, c"'), ("prefer", "Respond-Async")]
        several_lines = await system.call("POST", "/customers", json=YEON, headers=CIMultiDict(lines))
        customer_id = accepted.body["id"]
        url = system.url(f"/registrations/{customer_id}")

        assert (refused.status, accepted.status, several_lines.status) == (503, 202, 202)
        assert accepted.headers["Location"] == url
        assert accepted.headers["Preference-Applied"] == "respond-async"
        assert int(accepted.headers["Retry-After"]) >= 1
        assert accepted.body["_links"] == {"self": {"href": url}}
        pending = await system.call("GET", f"/registrations/{customer_id}")
        assert (pending.status, pending.body) == (200, accepted.body)
        assert set(pending.body) == {"id", "status", "acceptedAt", "expiresAt", "_links"}
        assert int(pending.headers["Retry-After"]) >= 1
        assert (await system.call("GET", f"/customers/{customer_id}")).status == 404
        assert (await system.call("GET", f"/customerViews/{customer_id}")).status == 404
        listed = (await system.call("GET", "/customers?size=100")).body["_embedded"]["customers"]
        assert customer_id not in {customer["id"] for customer in listed}
        assert await messages(system, customer_id) == []

    await wait_until_registered(system, customer_id)

    done = await system.call("GET", f"/registrations/{customer_id}")
    assert done.body["_links"]["customer"] == {"href": system.url(f"/customers/{customer_id}")}
    assert "Retry-After" not in done.headers
    assert (await system.call("GET", f"/customers/{customer_id}")).body["customerName"] == "yeon"
    await registered_once(system, customer_id)
    too_late = await system.call("DELETE", f"/registrations/{customer_id}")
    assert (too_late.status, too_late.headers["Link"]) == (
        409,
        f'<{system.url(f"/customers/{customer_id}")}>; rel="customer"',
    )


@pytest.mark.timeout(480)
async def test_who_withdraws_while_kakao_is_down_gets_neither_customer_nor_message(system: LocalSystem) -> None:
    async with without_kakao(system):
        withdrawn, canceled, keyed = [await postponed(system, key) for key in (None, None, "withdrawn")]
        answers = [
            await system.call("DELETE", f"/registrations/{withdrawn}"),
            await system.call("DELETE", f"/registrations/{withdrawn}"),
            await system.call("DELETE", f"/customers/{canceled}"),
            await system.call("DELETE", f"/registrations/{keyed}"),
        ]
        assert [answer.status for answer in answers] == [204] * 4
        again = await register(system, "withdrawn", **ASYNC)
        assert (again.status, again.body["type"]) == (410, "urn:ssak8:problem:registration-ended")
        assert (await system.call("DELETE", f"/customers/{canceled}")).status == 404
        later = await postponed(system)

    await wait_until_registered(system, later)

    async def is_settled() -> bool:
        return "dueAt" not in (await documents(system, keyed))["registration"][0]

    await wait_until(is_settled, "it is known that nobody was told", SETTLED_WITHIN, poll_seconds=1)
    for each in (withdrawn, canceled, keyed):
        assert await status_of(system, each) == "withdrawn"
        assert set(await documents(system, each)) == {"attempt", "registration"}
        assert await messages(system, each) == []
        assert "yeon" not in str(await documents(system, each))


@pytest.mark.timeout(480)
async def test_the_same_key_is_answered_202_while_it_is_pending_and_201_once_it_is_registered(
    system: LocalSystem,
) -> None:
    async with without_kakao(system):
        customer_id = await postponed(system, "key")

        with_preference, without = [await register(system, "key", **headers) for headers in (ASYNC, {})]
        another = await system.call(
            "POST", "/customers", json={**YEON, "customerAge": 30}, headers={"Idempotency-Key": "key", **ASYNC}
        )

        assert [answer.status for answer in (with_preference, without, another)] == [202, 202, 422]
        assert {with_preference.body["id"], without.body["id"]} == {customer_id}
        assert "Preference-Applied" not in without.headers

    await wait_until_registered(system, customer_id)

    for headers in (ASYNC, {}):
        answer = await register(system, "key", **headers)
        assert (answer.status, answer.body["id"]) == (201, customer_id)
    await registered_once(system, customer_id)


@pytest.mark.timeout(480)
async def test_after_kill_9_of_the_customer_app_in_the_middle_each_is_still_registered_once(
    system: LocalSystem,
) -> None:
    async with without_kakao(system):
        ids = [await postponed(system) for _ in range(20)]

    async def some_are_registered() -> bool:
        return "registered" in [await status_of(system, each) for each in ids]

    await wait_until(some_are_registered, "the first is registered", REGISTERED_WITHIN, poll_seconds=0.02)
    system.stack.kill("customer")

    async def all_are_registered() -> bool:
        try:
            return {await status_of(system, each) for each in ids} == {"registered"}
        except (TimeoutError, aiohttp.ClientError):
            return False  # the gateway waits for the app that restarts, up to a limit

    # What the killed process had received comes again when its lock ends, after a minute.
    await wait_until(all_are_registered, "all are registered", 2 * REGISTERED_WITHIN, poll_seconds=1)
    for each in ids:
        await registered_once(system, each)


async def test_with_kakao_healthy_the_preference_changes_nothing(system: LocalSystem) -> None:
    async def is_created() -> bool:
        return (await register(system, **ASYNC)).status == 201

    await wait_until(is_created, "kakao is back", REGISTERED_WITHIN)
    answer = await register(system, Prefer="wait=5, Respond-Async; foo=bar")

    assert answer.status == 201
    assert "Preference-Applied" not in answer.headers
    found = await system.call("GET", f"/registrations/{answer.body['id']}")
    assert (found.status, found.body["status"]) == (200, "registered")
    assert (await system.call("HEAD", f"/registrations/{answer.body['id']}")).status == 200
    wrong = await system.call("POST", f"/registrations/{answer.body['id']}")
    assert (wrong.status, wrong.headers["Allow"]) == (405, "DELETE, GET, HEAD, OPTIONS")
    assert (await system.call("GET", "/registrations/nothing")).status == 404
