import pytest

from shared.domain.customer import Customer
from shared.domain.events import CustomerEvent
from shared.use_cases.publishing import PublishOutbox
from tests.unit.fakes import START, YEON, FakePublisher

CUSTOMER = Customer.register("0189ee3e-0000-7000-8000-000000000000", YEON, START)


def outbox_document(event: CustomerEvent) -> dict[str, object]:
    return {
        "id": event.id,
        "customerId": event.subject,
        "type": "event",
        "event": event.to_json_object(),
        "traceparent": None,
    }


async def test_outbox_events_are_published_in_feed_order_and_nothing_else_is() -> None:
    publisher = FakePublisher()
    first, second = CustomerEvent.registered("1", CUSTOMER), CustomerEvent.canceled("2", CUSTOMER, START)
    feed: list[dict[str, object]] = [
        {"id": "c", "type": "customer"},
        outbox_document(first),
        {"id": "k", "type": "idempotency-key"},
        outbox_document(second),
    ]

    assert await PublishOutbox(publisher)(feed) == 2

    assert [outbox.event for outbox in publisher.published] == [first.to_json_object(), second.to_json_object()]


async def test_a_document_that_is_no_event_is_named_in_the_log_without_its_content(
    caplog: pytest.LogCaptureFixture,
) -> None:
    publisher = FakePublisher()
    bad = {"id": "bad", "type": "event", "event": {"data": "홍길동"}}
    good = CustomerEvent.registered("1", CUSTOMER)

    await PublishOutbox(publisher)([bad, outbox_document(good)])

    assert [outbox.id for outbox in publisher.published] == ["1"]
    assert "bad" in caplog.text
    assert "홍길동" not in caplog.text


@pytest.mark.parametrize("time", [None, 5, "", "yesterday", "2026-01-02T03:04:05"])
async def test_a_time_that_is_none_holds_nothing_up(time: object, caplog: pytest.LogCaptureFixture) -> None:
    publisher = FakePublisher()
    good = CustomerEvent.registered("1", CUSTOMER)
    bad = {**good.to_json_object(), "time": time}

    await PublishOutbox(publisher)([{**outbox_document(good), "id": "bad", "event": bad}, outbox_document(good)])

    assert [outbox.id for outbox in publisher.published] == ["1"]
    assert "bad" in caplog.text


async def test_what_another_version_of_this_code_wrote_is_passed_on_as_it_is() -> None:
    publisher = FakePublisher()
    newer = {
        "type": "CustomerMoved",
        "time": "2026-01-02T03:04:05.678Z",
        "data": {"customerId": "c", "floor": 3},
        "extension": True,
    }

    await PublishOutbox(publisher)([{"id": "e", "customerId": "c", "type": "event", "event": newer}])

    assert [(outbox.type, outbox.event) for outbox in publisher.published] == [("CustomerMoved", newer)]
