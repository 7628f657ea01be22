"""Five days after cancelling nothing about the person is left, whatever was down meanwhile.

The clock of the running emulators is moved, and then every document and every message is read.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient

from local_azure.stack import Stack
from shared.domain.customer import CustomerDetails
from shared.domain.events import EventType
from shared.domain.forgetting import FORGET_AFTER
from shared.domain.idempotency import fingerprint
from shared.resources import CUSTOMER_VIEWS, CUSTOMERS, KAKAOS, SUBSCRIPTION_LABELS, TOPIC
from tests.end_to_end.stored_everywhere import everything
from tools.paths import LOCAL_AZURE_SETTINGS
from tools.play.local_system import LocalSystem
from tools.play.people import CONSENT, CustomersSystem
from tools.play.system import Response, System
from tools.play.waiting import wait_until

SUBJECT = "774420071"
OTHER_SUBJECT = "774420072"
PERSON = {
    "customerName": "Quillfeather",
    "customerAddress": "Thornburrow 17",
    "customerAge": 87,
    "customerPhone": "010-7777-8123",
}
CORRECTED = "Marrowgate 4"
LIVE = {
    **PERSON,
    "customerAge": 33,
    "customerName": "Hollowbrook",
    "customerAddress": "Fennimore 2",
    "customerPhone": "010-5555-6123",
}
TIMERS = {
    "customer": ("forget-claims", "sweep-outbox"),
    "kakao": ("forget-messages",),
    "customerview": ("forget-views",),
}

type Running = Callable[[Path], Any]


@dataclass
class Scene:
    """A system with one who cancels and one who stays. `words`: what must be found nowhere in the end."""

    system: LocalSystem
    person: System
    other: System
    consent: dict[str, object]
    words: set[str] = field(default_factory=set)
    ids: list[str] = field(default_factory=list)

    @property
    def stack(self) -> Stack:
        return self.system.stack

    async def stop(self, *services: str) -> None:
        for service in services:
            await asyncio.to_thread(self.stack.stop_service, service)

    async def start(self, *services: str) -> None:
        for service in services:
            await asyncio.to_thread(self.stack.start_service, service)

    async def advance(self, by: timedelta) -> None:
        await asyncio.to_thread(self.stack.advance_clock, by)

    async def run_timers(self) -> None:
        for service, names in TIMERS.items():
            for name in names:
                answer = await self.system.call("POST", f"/admin/functions/{name}", service=service, json={})
                assert answer.status == 202

    async def found(self) -> dict[str, list[str]]:
        """Where something about the person lies, and what."""
        places = {place: [word for word in self.words if word in text] for place, text in await everything(self.stack)}
        return {place: words for place, words in places.items() if words}

    async def register(self, caller: System, details: dict[str, Any], **headers: str) -> Response:
        return await caller.call("POST", "/customers", json={**details, **self.consent}, headers=headers)

    async def one_who_cancels(self) -> str:
        """Registers with a key, corrects, and is told something else; not cancelled yet. Returns the id."""
        answer = await self.register(self.person, PERSON, **{"Idempotency-Key": "the-key"})
        assert answer.status == 201
        customer_id = str(answer.body["id"])
        self.ids.append(customer_id)
        answer = await self.person.call("PATCH", f"/customers/{customer_id}", json={"customerAddress": CORRECTED})
        assert answer.status == 200
        self.remember(PERSON, CORRECTED)
        return customer_id

    def remember(self, details: dict[str, Any], corrected: str) -> None:
        digits = str(details["customerPhone"]).replace("-", "")
        stored = CustomerDetails.model_validate({**details, "customerPhone": digits})
        self.words |= {str(details["customerName"]), str(details["customerAddress"]), corrected}
        self.words |= {digits, str(details["customerPhone"]), '"customerAge": 87', SUBJECT, fingerprint(stored)}

    async def postpone_and_withdraw(self) -> None:
        """KakaoTalk is away, and may have been told."""
        await self.stop("kakao")
        details = {**PERSON, "customerAddress": "Quarrel Lane 9"}
        answer = await self.register(
            self.person, details, **{"Idempotency-Key": "another-key", "Prefer": "respond-async"}
        )
        assert answer.status == 202
        self.remember(details, CORRECTED)
        self.ids.append(str(answer.body["id"]))
        answer = await self.person.call("DELETE", f"/registrations/{answer.body['id']}")
        assert answer.status == 204
        await self.start("kakao")

    async def send_what_nobody_can_read(self, customer_id: str) -> None:
        """It is put aside by one reader, and a dead letter of the other."""
        body = json.dumps({"subject": customer_id, "data": PERSON})
        connection = self.stack.connection_string("service_bus")
        async with (
            ServiceBusClient.from_connection_string(connection) as client,
            client.get_topic_sender(TOPIC) as topic,
        ):
            await topic.send_messages(ServiceBusMessage(body, subject=EventType.CANCELED, message_id="unreadable"))

    async def claims(self) -> list[dict[str, Any]]:
        return await self.system.query(CUSTOMERS, "SELECT * FROM c WHERE c.type = 'claim'")


@asynccontextmanager
async def open_to_all(state: Path) -> AsyncIterator[Scene]:
    with Stack.start(LOCAL_AZURE_SETTINGS, state) as stack:
        async with LocalSystem.of(stack) as system:
            yield Scene(system, system, system, {})


@asynccontextmanager
async def for_customers(state: Path) -> AsyncIterator[Scene]:
    async with CustomersSystem.running(state) as system:
        yield Scene(system, system.customer(SUBJECT), system.customer(OTHER_SUBJECT), {"consent": CONSENT})


@pytest.fixture
async def scene(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Scene]:
    """Open to all, unless a test asks for something else: who may call matters to claims alone."""
    monkeypatch.setenv("KAKAO_BREAKER_RESET_SECONDS", "1")
    async with getattr(request, "param", open_to_all)(tmp_path) as scene:
        yield scene


async def expect_nothing_left(scene: Scene, seconds: float = 90) -> None:
    """The timers run once more, as they do every five minutes."""
    await scene.run_timers()

    async def nothing_is_left() -> bool:
        return not await scene.found()

    try:
        await wait_until(nothing_is_left, "nothing about the person is left", seconds, poll_seconds=0.5)
    except TimeoutError:
        raise AssertionError(f"still there: {await scene.found()}") from None


async def lies_on_the_topic(scene: Scene, event_type: EventType) -> bool:
    """In every subscription that receives it."""
    places = {place.split(":")[0] for place, text in await everything(scene.stack) if f'"{event_type}"' in text}
    return {name for name, label in SUBSCRIPTION_LABELS.items() if label in (None, event_type)} <= places


async def expect_what_proves(scene: Scene, customer_id: str, kinds: Collection[str]) -> None:
    """`kinds`: of the messages that the customer may have got."""
    [view] = await scene.system.stored(CUSTOMER_VIEWS, customer_id)
    assert view["status"] == "CANCELED"
    assert view["version"] == 3
    assert view["canceledAt"]
    messages = await scene.system.stored(KAKAOS, customer_id)
    assert {"registered"} <= {message["kind"] for message in messages} <= set(kinds)
    assert all(message["receipt"] and message["sentAt"] and message["status"] for message in messages)


async def expect_the_other_untouched(scene: Scene, live: str) -> None:
    answer = await scene.other.call("GET", f"/customers/{live}")
    assert (answer.status, answer.body["customerName"]) == (200, LIVE["customerName"])
    await scene_view(scene, live, "REGISTERED")


async def scene_view(scene: Scene, customer_id: str, status: str) -> None:
    async def has_status() -> bool:
        return [view["status"] for view in await scene.system.stored(CUSTOMER_VIEWS, customer_id)] == [status]

    await wait_until(has_status, f"the view of {customer_id} says {status}")


async def alert_is_stored(scene: Scene, customer_id: str) -> None:
    async def is_stored() -> bool:
        return "canceled" in [each["kind"] for each in await scene.system.stored(KAKAOS, customer_id)]

    await wait_until(is_stored, f"the alert of {customer_id} was sent")


@pytest.mark.parametrize("scene", [open_to_all, for_customers], ids=["open", "customers"], indirect=True)
@pytest.mark.timeout(480)
async def test_after_five_days_nothing_is_left_of_who_has_cancelled(scene: Scene) -> None:
    live = str((await scene.register(scene.other, LIVE)).body["id"])
    await scene.postpone_and_withdraw()
    customer_id = await scene.one_who_cancels()
    await scene_view(scene, customer_id, "REGISTERED")
    await scene.send_what_nobody_can_read(customer_id)
    assert (await scene.person.call("DELETE", f"/customers/{customer_id}")).status == 204
    await scene_view(scene, customer_id, "CANCELED")
    await alert_is_stored(scene, customer_id)
    found = await scene.found()

    # The cancellation itself has stripped these, without waiting for anything.
    assert not [place for place in found if place.startswith((CUSTOMER_VIEWS, KAKAOS)) and customer_id in place]
    assert {place.split(":")[0] for place in found} >= {CUSTOMERS, "kakao-alert/dead-letters", "events-set-aside"}

    await scene.advance(FORGET_AFTER)
    await expect_nothing_left(scene)

    await expect_what_proves(scene, customer_id, ["registered", "canceled"])
    await expect_the_other_untouched(scene, live)
    claims = await scene.claims()
    assert [claim["registrationId"] for claim in claims] == ([live] if scene.consent else [])


@pytest.mark.parametrize(
    ("scene", "down"),
    [(for_customers, ["service_bus"]), (open_to_all, ["kakao", "customerview"])],
    ids=["Service Bus", "the readers"],
    indirect=["scene"],
)
@pytest.mark.timeout(480)
async def test_nor_if_nobody_could_hear_of_the_cancellation(scene: Scene, down: list[str]) -> None:
    live = str((await scene.register(scene.other, LIVE)).body["id"])
    customer_id = await scene.one_who_cancels()
    await scene_view(scene, customer_id, "REGISTERED")
    await scene.stop(*down)
    assert (await scene.person.call("DELETE", f"/customers/{customer_id}")).status == 204

    kinds = {"registered"}
    if "kakao" in down:
        await wait_until(partial(lies_on_the_topic, scene, EventType.CANCELED), "the event was published")
    else:
        # The apps' own clocks are not moved, so event-publisher may still send what it has held all the time.
        kinds.add("canceled")

    await scene.advance(FORGET_AFTER)
    await scene.start(*down)
    await expect_nothing_left(scene)

    await expect_what_proves(scene, customer_id, kinds)
    await expect_the_other_untouched(scene, live)


@pytest.mark.timeout(480)
async def test_an_outage_of_service_bus_of_more_than_five_days_costs_no_customer_the_view(scene: Scene) -> None:
    await scene.stop("service_bus")
    customer_id = str((await scene.register(scene.other, LIVE)).body["id"])
    await scene.advance(timedelta(days=3, hours=12))
    await scene.run_timers()

    async def is_renewed() -> bool:
        events = await scene.system.query(CUSTOMERS, "SELECT * FROM c WHERE c.type = 'event'")
        return any("expirytime" in each["event"] for each in events)

    await wait_until(is_renewed, "the event is stored anew")
    await scene.advance(timedelta(days=2))
    await scene.start("service_bus")

    await expect_the_other_untouched(scene, customer_id)


@pytest.mark.timeout(480)
async def test_an_event_that_expires_unhandled_costs_no_customer_the_view(scene: Scene) -> None:
    await scene.stop("customerview")
    customer_id = str((await scene.register(scene.other, LIVE)).body["id"])

    await wait_until(partial(lies_on_the_topic, scene, EventType.REGISTERED), "the event was published")
    await scene.advance(FORGET_AFTER)
    await scene.start("customerview")
    await scene.run_timers()

    await expect_the_other_untouched(scene, customer_id)

    # The view is stored first, and then the message removed.
    async def is_removed() -> bool:
        log = await asyncio.to_thread(scene.stack.log, "customerview")
        return "expired, and removed from view-updater/dead-letters: CustomerRegistered" in log

    await wait_until(is_removed, "the message is removed")
    assert str(LIVE["customerName"]) not in await asyncio.to_thread(scene.stack.log, "customerview")
