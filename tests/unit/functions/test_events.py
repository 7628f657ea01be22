import traceback
from collections.abc import Iterator

import azure.functions as func
import pytest
from azure.functions.servicebus import ServiceBusMessage

from functions.events import UnreadableEvent, react_to_event, read_event
from shared.domain.customer import Customer
from shared.domain.errors import StoreUnavailable
from shared.domain.events import CustomerEvent
from shared.failures import UnexpectedFailure
from shared.metrics import view_age
from shared.settings import settings
from shared.telemetry import trace_id
from tests.unit.fakes import START, YEON

EVENT = CustomerEvent.registered("event 1", Customer.register("0189ee3e-0000-7000-8000-000000000000", YEON, START))
BODY = EVENT.model_dump_json(by_alias=True)
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def message(body: str, **properties: str) -> func.ServiceBusMessage:
    return ServiceBusMessage(
        body=body.encode(), message_id="m", application_properties=dict(properties), user_properties={}
    )


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("COSMOS_CONNECTION", "AccountEndpoint=http://127.0.0.1:1/;AccountKey=a;")
    monkeypatch.setenv("SERVICE_BUS_CONNECTION", "Endpoint=sb://127.0.0.1:1;")
    monkeypatch.setenv("KAKAO_API_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("DELIVERY_RETRY_SECONDS", "0.3")
    settings.cache_clear()
    yield
    settings.cache_clear()


def test_an_event_is_read() -> None:
    assert read_event(message(EVENT.model_dump_json(by_alias=True))) == EVENT


@pytest.mark.parametrize(
    "body",
    [
        "",
        '{"customerName": "secret-name"',
        '{"specversion": "1.0", "data": {"customerName": "secret-name", "customerAge": "secret-age"}}',
        EVENT.model_dump_json(by_alias=True).replace("CustomerRegistered", "secret-type"),
    ],
)
def test_what_is_no_event_is_refused_without_telling_what_it_holds(body: str) -> None:
    with pytest.raises(UnreadableEvent) as refused:
        read_event(message(body))

    assert "secret" not in repr(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


async def test_what_does_not_answer_is_asked_again_within_the_same_delivery() -> None:
    attempts = 0

    async def answers_at_the_third_time(_: CustomerEvent) -> None:
        nonlocal attempts
        attempts += 1
        if attempts < 3:
            raise StoreUnavailable("down", 1)

    settings.cache_clear()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DELIVERY_RETRY_SECONDS", "10")
        await react_to_event(message(BODY), answers_at_the_third_time, view_age)

    assert attempts == 3


async def test_an_outage_that_lasts_fails_the_delivery() -> None:
    async def never_answers(_: CustomerEvent) -> None:
        raise StoreUnavailable("down", 1)

    with pytest.raises(StoreUnavailable):
        await react_to_event(message(BODY), never_answers, view_age)


async def test_what_will_not_get_better_is_not_tried_again() -> None:
    attempts = 0

    async def fails(_: CustomerEvent) -> None:
        nonlocal attempts
        attempts += 1
        raise UnreadableEvent

    with pytest.raises(UnreadableEvent):
        await react_to_event(message(BODY), fails, view_age)

    assert attempts == 1


async def test_what_nobody_foresaw_is_raised_without_what_it_was_about() -> None:
    async def fails(_: CustomerEvent) -> None:
        raise ValueError("secret-name")

    with pytest.raises(UnexpectedFailure, match="ValueError at ") as raised:
        await react_to_event(message(BODY), fails, view_age)

    # The host tells the exception with everything it came from.
    assert "secret-name" not in "".join(traceback.format_exception(raised.value))


async def test_the_trace_of_whoever_caused_the_event_goes_on() -> None:
    traces: list[str] = []

    async def remember(_: CustomerEvent) -> None:
        traces.append(trace_id())

    await react_to_event(message(BODY, traceparent=TRACEPARENT), remember, view_age)

    assert traces == ["0af7651916cd43dd8448eb211c80319c"]
