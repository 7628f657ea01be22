"""What leaves the system where customers sign in: neither who they are at kakao, nor a token, whatever goes wrong."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient

from local_azure.stack import Stack
from shared.domain.events import EventType
from shared.domain.forgetting import FORGET_AFTER
from shared.resources import CUSTOMERS, TOPIC
from tests.end_to_end.telemetry_receiver import Receiver, receiving
from tests.end_to_end.test_forgetting import TIMERS
from tests.end_to_end.test_telemetry import CONNECTION, EXPORT_SECONDS, FAST_EXPORTS, OF_KNOWN_PEOPLE
from tests.unit.infra.deployments import deployment
from tools.access.entra import operator_token
from tools.access.session_keys import SessionKeys
from tools.paths import LOCAL_AZURE_SETTINGS
from tools.play.apps import APPS
from tools.play.people import CONSENT, CustomersSystem
from tools.play.scenario import RESPOND_ASYNC
from tools.play.waiting import wait_until

# Occurs nowhere else, and is searched for in every byte that leaves the system.
NAME, ADDRESS, PHONE = "도깨비-심청", "황주군 도화동 인당수로 9", "010-7391-4826"
PERSONAL = ("도깨비", "인당수로", "10-7391-4826", "1073914826")
MINE, STRANGERS, VISITOR = "8264097315", "8264097316", "8264097317"
BODY: dict[str, Any] = {
    "customerName": NAME,
    "customerAddress": ADDRESS,
    "customerAge": 83,
    "customerPhone": PHONE,
    "consent": CONSENT,
}

pytestmark = pytest.mark.xdist_group("telemetry-of-customers")


def otlp(receiver: Receiver) -> dict[str, str]:
    return {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url}


def application_insights(receiver: Receiver) -> dict[str, str]:
    """The settings of telemetry on Azure."""
    settings = {name: value for name, value in deployment("dev").settings("customer").items() if name[:5] == "OTEL_"}
    del settings["OTEL_SERVICE_NAME"]
    return {
        **settings,
        "PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY": "true",
        "APPLICATIONINSIGHTS_CONNECTION_STRING": CONNECTION.format(url=receiver.url),
        "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true",
    }


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture(scope="module", params=[otlp, application_insights], ids=lambda exporter: exporter.__name__)
def stack(
    request: pytest.FixtureRequest, receiver: Receiver, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("customers")
    keys = SessionKeys.made_in(folder / "access")
    receiver.bodies.clear()
    with pytest.MonkeyPatch.context() as environment:
        for name, value in {**FAST_EXPORTS, **request.param(receiver)}.items():
            environment.setenv(name, value)
        with Stack.start(LOCAL_AZURE_SETTINGS, folder / "stack", settings=keys.settings) as stack:
            yield stack


@pytest.fixture
async def system(stack: Stack) -> AsyncIterator[CustomersSystem]:
    async with CustomersSystem.of(stack) as system:
        yield system


async def test_no_person_and_no_token_leaves_the_system(system: CustomersSystem, receiver: Receiver) -> None:
    tokens = [*system.keys.tokens([MINE, STRANGERS]), await asyncio.to_thread(operator_token, system.stack)]
    me, stranger, operator = (system.signed_in(token) for token in tokens)
    customer_id = await register_and_look(me, operator)
    await try_what_is_refused(me, stranger, customer_id)
    await try_wrong_tokens(system, tokens[0])
    await operate(operator, customer_id)
    on_my_page = await use_my_page(system.stack.url("gateway"))
    [claim] = await system.query(CUSTOMERS, "SELECT VALUE c.id FROM c WHERE c.type = 'claim'")
    await break_what_is_needed(me, stranger)
    await me.cancel(customer_id)
    await send_what_nobody_can_read(system.stack)
    await forget(system)

    async def reported() -> bool:
        calls = ("cancel-registration", "get-own-data", "search-customers", "send-registration-form")
        return all(receiver.holds(name) for name in (*calls, *OF_KNOWN_PEOPLE, "ssak8.forget.age", "ssak8.expired"))

    await wait_until(reported, "the last calls and metrics were reported")
    await asyncio.sleep(4 * EXPORT_SECONDS)  # what is still in a queue
    parts = [part for token in tokens for part in token.split(".")[1:]]
    owner_key = json.loads(system.keys.settings.read_text(encoding="utf-8"))["Values"]["OWNER_KEY"]
    secret = (*PERSONAL, MINE, STRANGERS, VISITOR, *parts, *on_my_page, claim.removeprefix("owner."), owner_key)
    logs = [system.stack.log(service) for service in (*APPS, "gateway", "entra", "service_bus", "cosmos")]
    assert [text for text in secret if receiver.holds(text)] == []
    assert [text for text in secret if any(text in log for log in logs)] == []


async def register_and_look(me: CustomersSystem, operator: CustomersSystem) -> str:
    customer_id = await me.register(BODY)
    await operator.wait_for_view(customer_id, "REGISTERED")
    assert (await me.call("PATCH", f"/customers/{customer_id}", json={"customerAge": 84})).status == 200
    for path in (f"/customers/{customer_id}", f"/registrations/{customer_id}", "/me/registration", "/me/data"):
        response = await me.call("GET", path)
        assert response.status == 200, path
    assert PHONE in (await me.call("GET", "/me/registration")).text
    return customer_id


async def try_what_is_refused(me: CustomersSystem, stranger: CustomersSystem, customer_id: str) -> None:
    """A second registration, a child, consent to nothing, and what belongs to others."""
    assert (await me.call("POST", "/customers", json=BODY)).status == 409
    assert (await stranger.call("POST", "/customers", json={**BODY, "customerAge": 13})).status == 422
    assert (await stranger.call("POST", "/customers", json={**BODY, "consent": {"policyVersion": NAME}})).status == 422
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        assert (await stranger.call(method, f"/customers/{customer_id}", json=BODY)).status == 404
    assert (await me.call("GET", "/customers")).status == 403
    assert (await me.call("GET", f"/customers/{NAME}?sub={MINE}")).status == 404


async def try_wrong_tokens(system: CustomersSystem, token: str) -> None:
    """Tokens that are not accepted, and an accepted one in every wrong place."""
    signed = token.rpartition(".")[0]
    for wrong in (f"{token}x", f"{signed}.x", f"{signed}.", token[1:], f"{token}, Bearer {token}"):
        assert (await system.signed_in(wrong).call("POST", "/customers", json=BODY)).status == 401
    for headers in ({"Ssak8-Authorization": f"Bearer {token}"}, {"Authorization": f"Basic {token}"}):
        assert (await system.call("POST", "/customers", headers=headers, json=BODY)).status == 401
    assert (await system.call("GET", f"/me/data?access_token={token}")).status == 401
    assert (await system.call("GET", f"/customers/{token}", headers={"Cookie": f"session={token}"})).status == 401


async def operate(operator: CustomersSystem, customer_id: str) -> None:
    found = await operator.call("POST", "/customers/search", json={"customerPhone": PHONE})
    revealed = await operator.call("GET", f"/customers/{customer_id}?reveal=true&reason=complaint")
    assert (found.status, revealed.status) == (200, 200)
    assert PHONE in revealed.text
    assert (await operator.call("POST", "/customers/search", json={"customerPhone": f"{PHONE}{NAME}"})).status == 422
    assert (await operator.call("GET", f"/customers/{customer_id}?reveal=true&reason={NAME}")).status == 400


async def use_my_page(origin: str) -> list[str]:
    """Signs in at the stand-in, fails to register, and comes back with a link of somebody else.

    Returns what only this browser may know: the code, and what its cookies hold.
    """
    jar = aiohttp.CookieJar(unsafe=True)  # also of an IP address
    async with aiohttp.ClientSession(cookie_jar=jar) as browser:
        async with browser.get(f"{origin}/login", allow_redirects=False) as response:
            kakao = response.headers["Location"]
        attempt = next(iter(jar)).value
        async with browser.post(kakao, data={"number": VISITOR}, allow_redirects=False) as response:
            back = response.headers["Location"]
        async with browser.get(back) as response:
            assert str(response.url) == f"{origin}/my"
        session = next(iter(jar)).value
        form = {"customerName": NAME, "customerAge": "83", "roadAddress": ADDRESS, "customerPhone": f"{PHONE}1"}
        headers = {"Origin": origin}
        async with browser.get(f"{origin}/my/registration") as response:
            form |= re.findall(r'name="(mark)" value="(\w+)"', await response.text())
        async with browser.post(f"{origin}/my/registration", data=form, headers=headers) as response:
            assert response.status == 422
        jar.clear()
        async with browser.get(back) as response:  # as somebody else's browser
            assert response.status == 400
    [code] = parse_qs(urlsplit(back).query)["code"]
    return [code, attempt, *session.split(".")[1:]]


async def send_what_nobody_can_read(stack: Stack) -> None:
    """As the event of a cancellation, so that both subscriptions get it."""
    body = json.dumps({"specversion": "1.0", "data": BODY}, ensure_ascii=False)
    connection = stack.connection_string("service_bus")
    async with (
        ServiceBusClient.from_connection_string(connection) as client,
        client.get_topic_sender(TOPIC) as topic,
    ):
        await topic.send_messages(ServiceBusMessage(body, subject=EventType.CANCELED, message_id="unreadable"))


async def forget(system: CustomersSystem) -> None:
    """Five days later, what is left of who has cancelled is removed."""
    await asyncio.to_thread(system.stack.advance_clock, FORGET_AFTER)
    for service, timers in TIMERS.items():
        for timer in timers:
            answer = await system.call("POST", f"/admin/functions/{timer}", service=service, json={})
            assert answer.status == 202


async def break_what_is_needed(me: CustomersSystem, stranger: CustomersSystem) -> None:
    """No kakao, then no database."""
    for service, statuses in (("kakao", (503, 202)), ("cosmos", (503, 503))):
        await asyncio.to_thread(me.stack.stop_service, service)
        refused = await stranger.call("POST", "/customers", json=BODY)
        postponed = await stranger.call("POST", "/customers", json=BODY, headers=RESPOND_ASYNC)
        assert (refused.status, postponed.status) == statuses, service
        await me.call("GET", "/me/registration")
        await asyncio.to_thread(me.stack.start_service, service)
