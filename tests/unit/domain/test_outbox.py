from typing import Any

import pytest

from shared.domain.customer import Customer
from shared.domain.events import CustomerEvent
from shared.domain.outbox import OutboxAttempt, OutboxEvent, UnreadableOutboxDocument
from shared.domain.registration import Attempt
from tests.unit.fakes import CUSTOMER_ID, START, YEON

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
EVENT = CustomerEvent.registered("1", Customer.register(CUSTOMER_ID, YEON, START))
DOCUMENT = OutboxEvent.of(EVENT, TRACEPARENT, ttl=60).to_json_object()


def test_an_outbox_document_is_stored_like_this() -> None:
    assert {
        "id": "1",
        "customerId": CUSTOMER_ID,
        "type": "event",
        "event": EVENT.to_json_object(),
        "traceparent": TRACEPARENT,
        "ttl": 60,
    } == DOCUMENT


def test_it_is_read_as_it_was_written_whatever_the_database_adds() -> None:
    read = OutboxEvent.read({**DOCUMENT, "_etag": "x", "_ts": 1})

    assert read == OutboxEvent.of(EVENT, TRACEPARENT, ttl=60)
    assert (read.event_type, read.happened_at) == ("CustomerRegistered", START)


@pytest.mark.parametrize("kind", ["customer", "registration", "attempt", "idempotency-key", "sweep", None])
def test_a_document_of_another_kind_is_not_an_outbox_event(kind: str | None) -> None:
    assert OutboxEvent.read({"id": "c", "type": kind}) is None


@pytest.mark.parametrize("time", [None, 5, "", "yesterday", "2026-01-02T03:04:05"])
def test_an_event_whose_time_is_not_a_moment_is_unreadable(time: object) -> None:
    with pytest.raises(UnreadableOutboxDocument, match="outbox document 1 "):
        OutboxEvent.read({**DOCUMENT, "event": {**EVENT.to_json_object(), "time": time}})


@pytest.mark.parametrize("event", [None, [], {}, {"data": "홍길동"}, {**EVENT.to_json_object(), "type": 5}])
def test_an_unreadable_document_is_named_without_its_content(event: Any) -> None:
    with pytest.raises(UnreadableOutboxDocument) as unreadable:
        OutboxEvent.read({**DOCUMENT, "event": event})

    assert "outbox document 1 " in str(unreadable.value)
    assert "홍길동" not in str(unreadable.value)


def test_an_event_of_another_version_of_this_code_is_kept_as_it_is() -> None:
    newer = {
        "type": "CustomerMoved",
        "time": "2026-01-02T03:04:05.678Z",
        "data": {"customerId": "c", "floor": 3},
        "extension": True,
    }

    read = OutboxEvent.read({"id": "e", "customerId": "c", "type": "event", "event": newer})

    assert read
    assert (read.event_type, read.event) == ("CustomerMoved", newer)


ATTEMPT = Attempt(customer_id=CUSTOMER_ID, number=3, due_at=START)


def test_an_attempt_is_stored_where_no_index_of_registrations_finds_it() -> None:
    document = OutboxAttempt.of(ATTEMPT, TRACEPARENT, ttl=60).to_json_object()

    assert document == {
        "id": f"{CUSTOMER_ID}.3",
        "customerId": CUSTOMER_ID,
        "type": "attempt",
        "attempt": {"customerId": CUSTOMER_ID, "number": 3, "dueAt": "2026-01-02T03:04:05.678Z"},
        "traceparent": TRACEPARENT,
        "ttl": 60,
    }
    assert OutboxAttempt.read({**document, "_etag": "x"}) == OutboxAttempt.of(ATTEMPT, TRACEPARENT, ttl=60)
    assert OutboxAttempt.read(DOCUMENT) is None


@pytest.mark.parametrize("attempt", [None, {}, {"customerId": "홍길동", "number": "x"}])
def test_an_unreadable_attempt_is_named_without_its_content(attempt: Any) -> None:
    with pytest.raises(UnreadableOutboxDocument) as unreadable:
        OutboxAttempt.read({"id": "1", "customerId": "c", "type": "attempt", "attempt": attempt})

    assert str(unreadable.value) == "outbox document 1 is not an attempt: not sent"
