"""The clock is moved ahead: what expires by then does so at once, and locks last as long as before."""

from typing import Any

import pytest

from local_azure.service_bus.errors import MessageLockLost
from local_azure.service_bus.message import read_message
from tests.unit.service_bus.fakes import START, BrokerUnderTest, encoded_message, queue

DAY = 86_400
DEAD = "expiring/$DeadLetterQueue"
ENTITIES: dict[str, Any] = {
    "Queues": [
        queue("plain", LockDuration="PT30S"),
        queue("expiring", LockDuration="PT30S", DeadLetteringOnMessageExpiration=True),
        queue("once", RequiresDuplicateDetection=True, DuplicateDetectionHistoryTimeWindow="P7D"),
    ]
}


@pytest.fixture
def under_test() -> BrokerUnderTest:
    return BrokerUnderTest(ENTITIES)


def send(under_test: BrokerUnderTest, path: str, **parts: Any) -> None:
    under_test.broker.destination(path).send([read_message(encoded_message(**parts))])
    under_test.time.turn()


def test_a_message_whose_time_to_live_has_passed_expires_at_once(under_test: BrokerUnderTest) -> None:
    send(under_test, "expiring", ttl=2 * DAY * 1000)
    dead = under_test.consume(DEAD)

    under_test.move_clock(DAY)
    early = len(dead.deliveries)
    under_test.move_clock(DAY)

    assert (early, len(dead.deliveries)) == (0, 1)


def test_the_rest_of_a_time_to_live_passes_in_real_time(under_test: BrokerUnderTest) -> None:
    send(under_test, "expiring", ttl=(DAY + 10) * 1000)
    dead = under_test.consume(DEAD)
    under_test.move_clock(DAY)

    under_test.time.advance(9.9)
    early = len(dead.deliveries)
    under_test.time.advance(0.2)

    assert (early, len(dead.deliveries)) == (0, 1)


def test_a_locked_message_stays_locked_and_can_be_completed(under_test: BrokerUnderTest) -> None:
    send(under_test, "plain")
    receiver, other = under_test.consume("plain", 1), under_test.consume("plain")

    under_test.move_clock(DAY)
    under_test.time.advance(29)

    assert other.deliveries == []
    under_test.broker.queue("plain").complete(receiver.token())


def test_a_lock_ends_after_its_duration(under_test: BrokerUnderTest) -> None:
    send(under_test, "plain")
    under_test.move_clock(DAY)
    receiver = under_test.consume("plain", 1)

    under_test.time.advance(31)

    with pytest.raises(MessageLockLost):
        under_test.broker.queue("plain").complete(receiver.token())


def test_clients_learn_the_end_of_a_lock_by_their_own_clock(under_test: BrokerUnderTest) -> None:
    under_test.move_clock(DAY)
    send(under_test, "plain")

    _, lock = under_test.consume("plain").deliveries[0]

    assert lock is not None
    assert lock.shown_until == START + 30_000


def test_a_message_is_enqueued_at_the_moved_time(under_test: BrokerUnderTest) -> None:
    under_test.move_clock(DAY)
    send(under_test, "plain")

    [(message, _)] = under_test.consume("plain").deliveries

    assert message.enqueued_at == START + DAY * 1000


def test_a_message_that_is_locked_expires_when_it_is_released(under_test: BrokerUnderTest) -> None:
    send(under_test, "expiring", ttl=DAY * 1000)
    receiver, dead = under_test.consume("expiring"), under_test.consume(DEAD)

    under_test.move_clock(DAY)
    early = len(dead.deliveries)
    under_test.broker.queue("expiring").release(receiver.token())
    under_test.time.turn()

    assert (early, len(dead.deliveries), len(receiver.deliveries)) == (0, 1, 1)


def test_a_scheduled_message_that_is_due_is_enqueued_at_once(under_test: BrokerUnderTest) -> None:
    send(under_test, "plain", scheduled_at=START + DAY * 1000)
    receiver = under_test.consume("plain")

    under_test.move_clock(DAY - 1)
    early = len(receiver.deliveries)
    under_test.time.advance(1.1)

    assert (early, len(receiver.deliveries)) == (0, 1)


def test_a_message_is_scheduled_by_the_clock_of_its_sender(under_test: BrokerUnderTest) -> None:
    under_test.move_clock(DAY)
    send(under_test, "plain", scheduled_at=START + 10_000)
    receiver = under_test.consume("plain")

    under_test.time.advance(9)
    early = len(receiver.deliveries)
    under_test.time.advance(1.1)

    assert (early, len(receiver.deliveries)) == (0, 1)


def test_an_id_is_forgotten_when_its_window_has_passed(under_test: BrokerUnderTest) -> None:
    receiver = under_test.consume("once")
    send(under_test, "once", message_id="1")

    under_test.move_clock(6 * DAY)
    send(under_test, "once", message_id="1")
    within = len(receiver.deliveries)
    under_test.move_clock(DAY)
    send(under_test, "once", message_id="1")

    assert (within, len(receiver.deliveries)) == (1, 2)
