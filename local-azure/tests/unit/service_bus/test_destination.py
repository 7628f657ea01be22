"""Sending: duplicates, routing, scheduling, and what survives a crash."""

from pathlib import Path
from typing import Any

import pytest

from local_azure.service_bus.errors import InvalidArgument, MessageNotFound, OperationNotAllowed, ServiceBusError
from local_azure.service_bus.message import State, read_message
from tests.unit.service_bus.fakes import BrokerUnderTest, encoded_message, queue

ONLY_CANCELED = {
    "Name": "canceled",
    "Properties": {"FilterType": "Correlation", "CorrelationFilter": {"Label": "Canceled"}},
}
TOPIC: dict[str, Any] = {
    "Queues": [queue("q", LockDuration="PT30S", MaxDeliveryCount=3)],
    "Topics": [
        {
            "Name": "events",
            "Properties": {"RequiresDuplicateDetection": True, "DuplicateDetectionHistoryTimeWindow": "PT60S"},
            "Subscriptions": [{"Name": "alert", "Rules": [ONLY_CANCELED]}, {"Name": "view"}],
        }
    ],
}


def send(under_test: BrokerUnderTest, path: str, *encoded: bytes) -> None:
    under_test.broker.destination(path).send([read_message(each) for each in encoded])
    under_test.time.turn()


def waiting(under_test: BrokerUnderTest, path: str) -> list[str | None]:
    messages = under_test.broker.queue(path).peek(0, 1000)
    return [read_message(message.content or b"").duplicate_key for message in messages]


def test_a_subscription_gets_the_messages_that_its_rules_match() -> None:
    under_test = BrokerUnderTest(TOPIC)

    send(under_test, "events", encoded_message(message_id="1", subject="Registered"))
    send(under_test, "Events", encoded_message(message_id="2", subject="Canceled"))

    assert waiting(under_test, "events/subscriptions/alert") == ["2"]
    assert waiting(under_test, "EVENTS/Subscriptions/View") == ["1", "2"]


def test_an_id_within_the_window_is_a_duplicate() -> None:
    under_test = BrokerUnderTest(TOPIC)

    send(under_test, "events", *[encoded_message(message_id=each) for each in ("1", "2", "1")])
    under_test.time.advance(59)
    send(under_test, "events", encoded_message(message_id="2"), encoded_message(message_id="3"))
    under_test.time.advance(1)
    send(under_test, "events", encoded_message(message_id="1"))

    assert waiting(under_test, "events/subscriptions/view") == ["1", "2", "3", "1"]


def test_messages_without_an_id_are_never_duplicates() -> None:
    under_test = BrokerUnderTest(TOPIC)

    send(under_test, "events", encoded_message(), encoded_message())

    assert len(waiting(under_test, "events/subscriptions/view")) == 2


def test_a_queue_without_duplicate_detection_accepts_duplicates() -> None:
    under_test = BrokerUnderTest(TOPIC)

    send(under_test, "q", encoded_message(message_id="1"), encoded_message(message_id="1"))

    assert waiting(under_test, "q") == ["1", "1"]


def test_a_batch_with_an_invalid_message_is_not_stored() -> None:
    under_test = BrokerUnderTest(TOPIC)

    with pytest.raises(InvalidArgument, match="128"):
        send(under_test, "events", encoded_message(message_id="1"), encoded_message(message_id="x" * 129))
    send(under_test, "events", encoded_message(message_id="1"))

    assert waiting(under_test, "events/subscriptions/view") == ["1"]


def test_a_scheduled_message_is_enqueued_when_due_with_a_new_sequence_number() -> None:
    under_test = BrokerUnderTest(TOPIC)
    view = under_test.consume("events/subscriptions/view")
    due = under_test.time.now + 30_000

    send(under_test, "events", encoded_message(b"later", scheduled_at=due, ttl=5000))
    send(under_test, "events", encoded_message(b"now"))
    under_test.time.advance(29.999)
    before = list(view.sequence_numbers)
    under_test.time.advance(0.001)

    assert before == [1]
    assert view.sequence_numbers == [1, 2]
    assert view.deliveries[1][0].enqueued_at == due
    assert view.deliveries[1][0].expires_at == due + 5000


def test_a_scheduled_message_can_be_peeked_and_canceled_until_it_is_due() -> None:
    under_test = BrokerUnderTest(TOPIC)
    destination = under_test.broker.destination("q")
    due = under_test.time.now + 60_000
    numbers = destination.schedule([read_message(encoded_message(message_id=each, scheduled_at=due)) for each in "ab"])
    under_test.time.turn()
    peeked = under_test.broker.queue("q").peek(0, 10)

    destination.cancel(numbers[:1])
    under_test.time.advance(60)

    assert [message.state for message in peeked] == [State.SCHEDULED, State.SCHEDULED]
    assert waiting(under_test, "q") == ["b"]
    with pytest.raises(MessageNotFound, match="sequence number"):
        destination.cancel([numbers[0]])
    with pytest.raises(MessageNotFound, match="sequence number"):
        destination.cancel([numbers[1]])


def test_canceling_is_all_or_none() -> None:
    under_test = BrokerUnderTest(TOPIC)
    destination = under_test.broker.destination("q")
    scheduled_at = under_test.time.now + 60_000
    numbers = destination.schedule([read_message(encoded_message(scheduled_at=scheduled_at))])

    with pytest.raises(MessageNotFound):
        destination.cancel([*numbers, 999])

    assert len(under_test.broker.queue("q").peek(0, 10)) == 1


@pytest.mark.parametrize(
    ("path", "reason"),
    [("nothing", "could not be found"), ("events/subscriptions/view", "only takes"), ("q/$deadletterqueue", "only")],
)
def test_only_queues_and_topics_accept_messages(path: str, reason: str) -> None:
    with pytest.raises(ServiceBusError, match=reason):
        BrokerUnderTest(TOPIC).broker.destination(path)


def test_receiving_from_a_topic_is_refused() -> None:
    with pytest.raises(OperationNotAllowed, match="subscriptions"):
        BrokerUnderTest(TOPIC).broker.queue("events")


def test_committed_changes_survive_a_crash(tmp_path: Path) -> None:
    before = BrokerUnderTest(TOPIC, tmp_path / "state")
    consumer = before.consume("q")
    send(before, "q", *[encoded_message(message_id=each) for each in ("completed", "abandoned", "locked", "deferred")])
    main_queue = before.broker.queue("q")
    main_queue.complete(consumer.token(0))
    main_queue.abandon(consumer.token(1))
    main_queue.defer(consumer.token(3))
    before.time.turn()

    after = BrokerUnderTest(TOPIC, tmp_path / "state", before.time)
    again = after.consume("q")

    contents = [read_message(content).duplicate_key for content in again.contents]
    assert contents == ["abandoned", "locked"]
    assert again.deliveries[0][0].delivery_count == 1
    assert [message.sequence_number for message, _ in after.broker.queue("q").take_deferred([4], delete=True)] == [4]


def test_the_delivery_count_of_an_expired_lock_survives_a_crash(tmp_path: Path) -> None:
    before = BrokerUnderTest(TOPIC, tmp_path / "state")
    before.consume("q", credit=1)
    send(before, "q", encoded_message())
    before.time.advance(30)

    after = BrokerUnderTest(TOPIC, tmp_path / "state", before.time)

    assert after.consume("q").deliveries[0][0].delivery_count == 1


def test_duplicates_are_detected_after_a_crash(tmp_path: Path) -> None:
    before = BrokerUnderTest(TOPIC, tmp_path / "state")
    send(before, "events", encoded_message(message_id="1"))

    after = BrokerUnderTest(TOPIC, tmp_path / "state", before.time)
    send(after, "events", encoded_message(message_id="1"))

    assert waiting(after, "events/subscriptions/view") == ["1"]


def test_messages_that_expired_or_came_due_meanwhile_are_handled_at_start(tmp_path: Path) -> None:
    before = BrokerUnderTest(TOPIC, tmp_path / "state")
    now = before.time.now
    send(before, "q", encoded_message(message_id="expired", ttl=1000))
    send(before, "q", encoded_message(message_id="due", scheduled_at=now + 5000))
    before.store.flush()
    before.broker.close()
    before.store.close()
    before.time.now = now + 10_000

    after = BrokerUnderTest(TOPIC, tmp_path / "state", before.time)
    after.time.turn()

    assert waiting(after, "q") == ["due"]


@pytest.mark.parametrize("clean", [True, False])
def test_a_sequence_number_is_never_used_twice(tmp_path: Path, clean: bool) -> None:
    before = BrokerUnderTest(TOPIC, tmp_path / "state")
    consumer = before.consume("q", deletes=True)
    send(before, "q", encoded_message(), encoded_message())
    if clean:
        before.broker.close()
        before.store.close()

    after = BrokerUnderTest(TOPIC, tmp_path / "state", before.time)
    again = after.consume("q")
    send(after, "q", encoded_message())

    assert consumer.sequence_numbers == [1, 2]
    assert again.sequence_numbers[0] == 3 if clean else again.sequence_numbers[0] > 2


def test_thousands_of_messages_that_expire_together_are_handled_in_parts() -> None:
    under_test = BrokerUnderTest(TOPIC)
    send(under_test, "q", *[encoded_message(ttl=1000) for _ in range(1200)], encoded_message(message_id="stays"))

    under_test.time.advance(1)

    assert waiting(under_test, "q") == ["stays"]
