"""A batch: customers side by side, the events of one in order, and no message that fails the others."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field

import azure.functions as func
import pytest
import stamina

from shared.domain.customer import Customer
from shared.domain.errors import DomainError, NotFound, PublisherUnavailable, StoreUnavailable
from shared.domain.events import CustomerEvent, EventType
from shared.domain.identifiers import CustomerId
from shared.events.batches import BatchHandler
from shared.events.edge import batch_function
from shared.failures import UnexpectedFailure
from shared.telemetry import trace_id
from shared.use_cases.setting_aside import UnhandledMessage
from tests.unit.events.messages import event_message, message
from tests.unit.fakes import START, YEON

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

type Handle = Callable[[CustomerEvent], Awaitable[None]]


@pytest.fixture(autouse=True)
def no_waits() -> Iterator[None]:
    stamina.set_testing(testing=True, attempts=3)
    yield
    stamina.set_testing(testing=False)


def registered(number: int) -> CustomerEvent:
    customer_id = CustomerId(f"customer {number}")
    return CustomerEvent.registered(f"registered {number}", Customer.register(customer_id, YEON, START))


def canceled(number: int) -> CustomerEvent:
    customer_id = CustomerId(f"customer {number}")
    return CustomerEvent.canceled(f"canceled {number}", Customer.register(customer_id, YEON, START), START)


@dataclass
class FakeSetAside:
    """A queue that keeps each id once. It raises the first of `failures`, if there is one."""

    failures: list[DomainError] = field(default_factory=list)
    messages: dict[str, UnhandledMessage] = field(default_factory=dict)

    async def put(self, message: UnhandledMessage) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.messages.setdefault(message.message_id, message)


@dataclass
class Handled:
    """Remembers what was handled. `failures`: event id → what its next attempts raise."""

    events: list[str] = field(default_factory=list)
    attempts: list[str] = field(default_factory=list)
    failures: dict[str, list[Exception]] = field(default_factory=dict)

    async def __call__(self, event: CustomerEvent) -> None:
        self.attempts.append(event.id)
        await asyncio.sleep(0)
        if failures := self.failures.get(event.id):
            raise failures.pop(0)
        self.events.append(event.id)


def handler(handle: Handle, aside: FakeSetAside) -> BatchHandler:
    return BatchHandler("view-updater", handle, aside, retry_seconds=60)


def batch(*events: CustomerEvent) -> list[func.ServiceBusMessage]:
    return [event_message(event, number) for number, event in enumerate(events, 1)]


async def test_every_event_of_a_batch_is_handled() -> None:
    handle, aside = Handled(), FakeSetAside()

    await handler(handle, aside)(batch(*map(registered, range(32))))

    assert sorted(handle.events) == sorted(f"registered {number}" for number in range(32))
    assert aside.messages == {}


async def test_customers_are_handled_side_by_side() -> None:
    all_started = asyncio.Barrier(3)

    async def wait_for_the_others(_: CustomerEvent) -> None:
        await all_started.wait()

    async with asyncio.timeout(30):
        await handler(wait_for_the_others, FakeSetAside())(batch(*map(registered, range(3))))


async def test_the_events_of_one_customer_are_handled_in_their_order() -> None:
    running: set[str] = set()
    order: list[str] = []

    async def handle(event: CustomerEvent) -> None:
        assert event.subject not in running
        running.add(event.subject)
        # The first takes longest.
        await asyncio.sleep(0.01 if event.type is EventType.REGISTERED else 0)
        running.discard(event.subject)
        order.append(event.id)

    await handler(handle, FakeSetAside())(batch(registered(1), registered(2), canceled(1), canceled(2)))

    assert order.index("registered 1") < order.index("canceled 1")
    assert order.index("registered 2") < order.index("canceled 2")


@pytest.mark.parametrize(
    "body",
    [
        "",
        b"\xff\xfe",
        "null",
        '{"customerName": "secret-name"',
        '{"specversion": "1.0", "data": {"customerName": "secret-name", "customerAge": "secret-age"}}',
        registered(1).model_dump_json(by_alias=True).replace("CustomerRegistered", "CustomerMoved"),
    ],
    ids=["empty", "not text", "null", "not json", "fields missing", "unknown type"],
)
async def test_an_unreadable_message_is_put_aside_and_the_others_are_handled(body: str | bytes) -> None:
    handle, aside = Handled(), FakeSetAside()
    poison = message(body, number=7, traceparent=TRACEPARENT)

    await handler(handle, aside)([*batch(registered(1)), poison, event_message(registered(2), 8)])

    assert sorted(handle.attempts) == ["registered 1", "registered 2"]
    [kept] = aside.messages.values()
    assert kept.message_id == "view-updater-7"
    assert kept.body == poison.get_body()
    assert kept.notes.keys() == {
        *("subscription", "reason", "messageId", "enqueuedTime", "deliveryCount", "expiresAt", "traceparent"),
    }
    assert (kept.notes["subscription"], kept.notes["deliveryCount"]) == ("view-updater", 1)
    assert (kept.notes["enqueuedTime"], kept.notes["traceparent"]) == ("2026-01-02T03:04:05.000Z", TRACEPARENT)
    assert re.match(
        r"UnreadableEvent: message 7 is not a customer event; wrong: .+, trace 0af765", str(kept.notes["reason"])
    )
    assert "secret" not in str(kept.notes)


@pytest.mark.parametrize("error", [ValueError("secret-name"), NotFound("no such view")])
async def test_an_event_that_fails_is_put_aside_at_once_and_the_next_of_its_customer_is_handled(
    error: Exception,
) -> None:
    handle, aside = Handled(failures={"registered 1": [error]}), FakeSetAside()

    await handler(handle, aside)(batch(registered(1), registered(2), canceled(1)))

    assert handle.attempts.count("registered 1") == 1
    assert sorted(handle.events) == ["canceled 1", "registered 2"]
    [kept] = aside.messages.values()
    assert (kept.subject, kept.correlation_id) == ("CustomerRegistered", "customer 1")
    assert kept.content_type == "application/cloudevents+json"
    assert kept.notes["messageId"] == "registered 1"
    assert str(kept.notes["reason"]).startswith(f"{type(error).__name__} at ")
    assert "secret" not in str(kept.notes)


async def test_in_an_outage_only_what_is_left_is_handled_again() -> None:
    outage = StoreUnavailable("down", 1)
    handle, aside = Handled(failures={"registered 2": [outage, outage]}), FakeSetAside()

    await handler(handle, aside)(batch(registered(1), registered(2), canceled(2), registered(3)))

    attempts = {event_id: handle.attempts.count(event_id) for event_id in handle.attempts}
    assert attempts == {"registered 1": 1, "registered 2": 3, "canceled 2": 1, "registered 3": 1}
    assert handle.events.index("registered 2") < handle.events.index("canceled 2")
    assert aside.messages == {}


async def test_an_outage_that_lasts_fails_the_batch_after_the_others_were_handled() -> None:
    outage = StoreUnavailable("down", 1)
    handle, aside = Handled(failures={"registered 1": [outage] * 3}), FakeSetAside()

    with pytest.raises(StoreUnavailable):
        await handler(handle, aside)(batch(registered(1), registered(2)))

    assert handle.events == ["registered 2"]
    assert aside.messages == {}


async def test_a_batch_succeeds_only_once_what_it_put_aside_is_stored() -> None:
    aside = FakeSetAside([PublisherUnavailable("down", 1)] * 2)
    handle = Handled()

    await handler(handle, aside)([message("poison", number=7), *batch(registered(1))])

    assert handle.attempts == ["registered 1"]
    assert list(aside.messages) == ["view-updater-7"]


async def test_a_batch_fails_if_nothing_can_be_put_aside() -> None:
    aside = FakeSetAside([PublisherUnavailable("down", 1)] * 3)

    with pytest.raises(PublisherUnavailable):
        await handler(Handled(), aside)([message("poison")])


async def test_texts_that_some_message_lacks_are_not_trusted() -> None:
    # The host closes the gap that the second leaves: the poison would have the texts of the third.
    without_texts = message(registered(2).model_dump_json(by_alias=True), 2, message_id="")
    poison = event_message(registered(3), 3)
    aside = FakeSetAside()

    await handler(Handled(failures={"registered 3": [ValueError()]}), aside)(
        [*batch(registered(1)), without_texts, poison]
    )

    [kept] = aside.messages.values()
    assert (kept.subject, kept.correlation_id, kept.content_type) == (None, None, None)
    assert "messageId" not in kept.notes


@pytest.mark.parametrize("traceparent", [7, None, "not a traceparent"])
async def test_a_strange_traceparent_fails_nothing(traceparent: object) -> None:
    handle, aside = Handled(), FakeSetAside()

    await handler(handle, aside)([event_message(registered(1), traceparent=traceparent)])

    assert handle.events == ["registered 1"]


async def test_each_event_continues_its_own_trace() -> None:
    traces: dict[str, str] = {}

    async def remember(event: CustomerEvent) -> None:
        traces[event.id] = trace_id()

    other = TRACEPARENT.replace("0af7", "1af7")
    await handler(remember, FakeSetAside())(
        [event_message(registered(1), traceparent=TRACEPARENT), event_message(registered(2), traceparent=other)]
    )

    assert traces == {"registered 1": TRACEPARENT[3:35], "registered 2": other[3:35]}


async def test_a_batch_ends_while_its_locks_can_still_be_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.events.batches.LONGEST_BATCH_SECONDS", 0.05)

    async def hang(_: CustomerEvent) -> None:
        await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await handler(hang, FakeSetAside())(batch(registered(1)))


async def test_an_unexpected_error_fails_the_batch_without_its_text() -> None:
    @batch_function
    async def fail(_: Sequence[func.ServiceBusMessage]) -> None:
        raise ValueError("secret-name")

    with pytest.raises(UnexpectedFailure, match="ValueError at ") as raised:
        await fail([])

    assert "secret-name" not in str(raised.value)
