import traceback
from typing import cast

import azure.functions as func
import pytest

from shared.domain.customer import Customer
from shared.domain.errors import DomainError, StoreUnavailable
from shared.domain.events import CustomerEvent
from shared.domain.outbox import OutboxEvent
from shared.events.edge import event_function, outbox_function, timer_function
from shared.events.reading import UnreadableEvent, read_event
from shared.failures import UnexpectedFailure
from shared.telemetry import trace_id
from shared.use_cases.publishing import Outbox
from tests.unit.events.messages import message
from tests.unit.fakes import CUSTOMER_ID, START, YEON

CUSTOMER = Customer.register(CUSTOMER_ID, YEON, START)
EVENT = CustomerEvent.registered("event 1", CUSTOMER)
BODY = EVENT.model_dump_json(by_alias=True)
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def feed(*documents: dict[str, object]) -> func.DocumentList:
    return func.DocumentList([func.Document.from_dict(document) for document in documents])


def outbox_document(event: CustomerEvent) -> dict[str, object]:
    return OutboxEvent.of(event, traceparent=None, ttl=60).to_json_object()


def test_an_event_is_read() -> None:
    assert read_event(message(BODY)) == EVENT


@pytest.mark.parametrize(
    "body",
    [
        "",
        '{"customerName": "secret-name"',
        '{"specversion": "1.0", "data": {"customerName": "secret-name", "customerAge": "secret-age"}}',
        BODY.replace("CustomerRegistered", "secret-type"),
    ],
)
def test_a_message_that_is_not_an_event_is_refused_without_its_content(body: str) -> None:
    with pytest.raises(UnreadableEvent) as refused:
        read_event(message(body))

    assert "secret" not in repr(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


@pytest.mark.parametrize("error", [StoreUnavailable("down", 1), DomainError("refused")])
async def test_an_error_of_the_domain_fails_the_delivery_as_it_is(error: DomainError) -> None:
    @event_function
    async def fail(_: CustomerEvent) -> None:
        raise error

    with pytest.raises(type(error)) as raised:
        await fail(message(BODY))

    assert raised.value is error


async def test_an_unexpected_error_is_raised_without_its_text() -> None:
    @event_function
    async def fail(_: CustomerEvent) -> None:
        raise ValueError("secret-name")

    with pytest.raises(UnexpectedFailure, match="ValueError at ") as raised:
        await fail(message(BODY))

    # The host logs the exception with everything that it came from.
    assert "secret-name" not in "".join(traceback.format_exception(raised.value))


async def test_the_trace_of_the_request_that_caused_the_event_continues() -> None:
    traces: list[str] = []

    @event_function
    async def remember(_: CustomerEvent) -> None:
        traces.append(trace_id())

    await remember(message(BODY, traceparent=TRACEPARENT))

    assert traces == ["0af7651916cd43dd8448eb211c80319c"]


async def test_the_change_feed_is_handled_as_outbox_events() -> None:
    handled: list[str] = []

    @outbox_function
    async def handle(outbox: Outbox) -> None:
        handled.extend(event.id for event in outbox.events)

    await handle(feed({"id": "c", "type": "customer"}, outbox_document(EVENT)))

    assert handled == [EVENT.id]


async def test_an_unexpected_error_of_the_publisher_is_raised_without_its_text() -> None:
    @outbox_function
    async def fail(_: object) -> None:
        raise ValueError("secret-name")

    with pytest.raises(UnexpectedFailure) as raised:
        await fail(feed(outbox_document(EVENT)))

    assert "secret-name" not in "".join(traceback.format_exception(raised.value))


async def test_an_unexpected_error_of_a_timer_is_raised_without_its_text() -> None:
    @timer_function
    async def fail() -> None:
        raise ValueError("secret-name")

    with pytest.raises(UnexpectedFailure) as raised:
        await fail(cast(func.TimerRequest, None))

    assert "secret-name" not in "".join(traceback.format_exception(raised.value))


def test_a_function_keeps_the_name_and_the_description_of_its_handler() -> None:
    @event_function
    async def handle(_: CustomerEvent) -> None:
        """Handles an event."""

    assert (handle.__name__, handle.__doc__) == ("handle", "Handles an event.")
