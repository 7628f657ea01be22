"""Locks, delivery counts, dead letters and expiry."""

from typing import Any

import pytest

from local_azure.service_bus.errors import MessageLockLost, MessageNotFound, OperationNotAllowed
from local_azure.service_bus.limits import MAX_READY, READY_WINDOW
from local_azure.service_bus.message import State, read_message
from tests.unit.service_bus.fakes import BrokerUnderTest, FakeConsumer, encoded_message, queue

DEAD = "q/$DeadLetterQueue"


def broker_with(**properties: Any) -> BrokerUnderTest:
    defaults = {"LockDuration": "PT30S", "MaxDeliveryCount": 3}
    return BrokerUnderTest({"Queues": [queue("q", **(defaults | properties))]})


def send(under_test: BrokerUnderTest, *encoded: bytes) -> None:
    under_test.broker.destination("q").send([read_message(each) for each in encoded])
    under_test.time.turn()


def test_messages_are_delivered_in_order_and_locked_once() -> None:
    under_test = broker_with()
    first = under_test.consume("q", credit=2)
    second = under_test.consume("q", credit=5)

    send(under_test, *[encoded_message(str(number).encode()) for number in range(4)])

    assert sorted(first.sequence_numbers + second.sequence_numbers) == [1, 2, 3, 4]
    assert len(first.sequence_numbers) == 2


def test_a_message_is_delivered_only_after_its_commit() -> None:
    under_test = broker_with()
    consumer = under_test.consume("q")

    under_test.broker.destination("q").send([read_message(encoded_message())])
    delivered_before = list(consumer.deliveries)
    under_test.time.turn()

    assert delivered_before == []
    assert consumer.sequence_numbers == [1]


def test_a_completed_message_is_gone() -> None:
    under_test = broker_with()
    consumer = under_test.consume("q")
    send(under_test, encoded_message())

    under_test.broker.queue("q").complete(consumer.token())
    under_test.time.advance(100)

    assert consumer.sequence_numbers == [1]
    assert under_test.broker.queue("q").peek(0, 10) == []


def test_a_lock_can_be_used_once() -> None:
    under_test = broker_with()
    consumer = under_test.consume("q")
    send(under_test, encoded_message())
    under_test.broker.queue("q").complete(consumer.token())

    with pytest.raises(MessageLockLost):
        under_test.broker.queue("q").complete(consumer.token())


def test_an_abandoned_message_is_delivered_again_with_a_higher_count() -> None:
    under_test = broker_with()
    consumer = under_test.consume("q")
    send(under_test, encoded_message(b"again"))

    under_test.broker.queue("q").abandon(consumer.token())
    under_test.time.turn()

    # Both deliveries are of the same object, whose count was raised before the second one.
    assert [message.delivery_count for message, _ in consumer.deliveries] == [1, 1]
    assert consumer.contents[0] == consumer.contents[1]
    assert under_test.broker.queue("q").peek(0, 1)[0].delivery_count == 1


def test_a_released_message_is_delivered_again_with_the_same_count() -> None:
    under_test = broker_with()
    consumer = under_test.consume("q", credit=1)
    send(under_test, encoded_message())

    under_test.broker.queue("q").release(consumer.token())
    another = under_test.consume("q")

    assert [message.delivery_count for message, _ in another.deliveries] == [0]


def test_after_a_lock_expires_another_receiver_gets_the_message() -> None:
    under_test = broker_with()
    slow = under_test.consume("q", credit=1)
    send(under_test, encoded_message())
    other = under_test.consume("q")

    under_test.time.advance(29.999)
    before = list(other.sequence_numbers)
    under_test.time.advance(0.001)

    assert before == []
    assert other.sequence_numbers == [1]
    assert other.deliveries[0][0].delivery_count == 1
    with pytest.raises(MessageLockLost):
        under_test.broker.queue("q").complete(slow.token())


def test_a_renewed_lock_lasts_its_full_duration_again() -> None:
    under_test = broker_with()
    consumer = under_test.consume("q", credit=2)
    send(under_test, encoded_message(), encoded_message())
    other = under_test.consume("q")

    under_test.time.advance(20)
    until = under_test.broker.queue("q").renew(consumer.token(0))
    under_test.time.advance(20)

    assert until == under_test.time.now + 10_000
    assert other.sequence_numbers == [2]
    under_test.broker.queue("q").complete(consumer.token(0))


def test_a_lock_outlives_its_receiver() -> None:
    under_test = broker_with()
    consumer = under_test.consume("q", credit=1)
    send(under_test, encoded_message())

    under_test.broker.queue("q").unsubscribe(consumer)
    other = under_test.consume("q")
    at_once = list(other.sequence_numbers)
    under_test.time.advance(30)

    assert at_once == []
    assert other.sequence_numbers == [1]


def test_after_the_last_delivery_a_message_is_dead_lettered() -> None:
    under_test = broker_with()
    consumer = under_test.consume("q")
    send(under_test, encoded_message(b"poison", message_id="p"))

    for _ in range(3):
        under_test.broker.queue("q").abandon(consumer.token())
        under_test.time.turn()
    dead = under_test.consume(DEAD)

    assert consumer.sequence_numbers == [1, 1, 1]
    assert dead.sequence_numbers == [1]
    assert dead.deliveries[0][0].delivery_count == 3
    assert read_message(dead.contents[0]).application_properties()["DeadLetterReason"] == "MaxDeliveryCountExceeded"


def test_a_dead_lettered_message_carries_reason_and_description() -> None:
    under_test = broker_with()
    consumer = under_test.consume("q")
    send(under_test, encoded_message())

    under_test.broker.queue("q").dead_letter(consumer.token(), "reason", "x" * 5000)
    under_test.time.turn()
    dead = under_test.consume(DEAD)

    properties = read_message(dead.contents[0]).application_properties()
    assert properties == {"DeadLetterReason": "reason", "DeadLetterErrorDescription": "x" * 4096}


def test_a_message_stays_in_the_dead_letter_queue_however_often_it_fails() -> None:
    under_test = broker_with(MaxDeliveryCount=1)
    consumer = under_test.consume("q")
    send(under_test, encoded_message())
    under_test.broker.queue("q").abandon(consumer.token())
    under_test.time.turn()
    dead = under_test.consume(DEAD)

    for _ in range(5):
        under_test.broker.queue(DEAD).abandon(dead.token())
        under_test.time.turn()

    assert dead.sequence_numbers == [1] * 6
    with pytest.raises(OperationNotAllowed, match="dead-letter"):
        under_test.broker.queue(DEAD).dead_letter(dead.token(), None, None)


def test_a_deferred_message_is_received_by_its_sequence_number_only() -> None:
    under_test = broker_with()
    consumer = under_test.consume("q")
    send(under_test, encoded_message(b"later"))
    main_queue = under_test.broker.queue("q")

    main_queue.defer(consumer.token())
    under_test.time.advance(100)
    (message, lock), *_ = main_queue.take_deferred([1], delete=False)

    assert consumer.sequence_numbers == [1]
    assert message.state is State.DEFERRED
    assert lock is not None
    with pytest.raises(MessageNotFound, match="sequence number 1"):
        main_queue.take_deferred([1], delete=False)
    main_queue.complete(lock.token)
    with pytest.raises(MessageNotFound, match="sequence number 1"):
        main_queue.take_deferred([1], delete=False)


def test_a_deferred_message_whose_lock_expires_stays_deferred() -> None:
    under_test = broker_with()
    consumer = under_test.consume("q")
    send(under_test, encoded_message())
    main_queue = under_test.broker.queue("q")
    main_queue.defer(consumer.token())
    main_queue.take_deferred([1], delete=False)

    under_test.time.advance(31)
    (message, _), *_ = main_queue.take_deferred([1, 1], delete=True)

    assert consumer.sequence_numbers == [1]
    assert message.delivery_count == 1
    assert main_queue.peek(0, 10) == []


def test_an_expired_message_is_dead_lettered_if_the_queue_says_so() -> None:
    under_test = broker_with(DeadLetteringOnMessageExpiration=True)
    send(under_test, encoded_message(ttl=5000))

    under_test.time.advance(5)
    dead = under_test.consume(DEAD)

    assert under_test.consume("q").sequence_numbers == []
    assert read_message(dead.contents[0]).application_properties()["DeadLetterReason"] == "TTLExpiredException"
    under_test.time.advance(1000)
    assert len(under_test.broker.queue(DEAD).peek(0, 10)) == 1


def test_an_expired_message_is_deleted_by_default() -> None:
    under_test = broker_with(DefaultMessageTimeToLive="PT10S")
    send(under_test, encoded_message(ttl=3_600_000), encoded_message(ttl=1000))

    under_test.time.advance(1)
    after_the_shorter = [message.sequence_number for message in under_test.broker.queue("q").peek(0, 10)]
    under_test.time.advance(9)

    assert after_the_shorter == [1]
    assert under_test.broker.queue("q").peek(0, 10) == []


def test_a_locked_message_expires_when_it_is_released() -> None:
    under_test = broker_with(DeadLetteringOnMessageExpiration=True)
    consumer = under_test.consume("q", credit=1)
    send(under_test, encoded_message(ttl=5000))

    under_test.time.advance(10)
    while_locked = under_test.broker.queue(DEAD).peek(0, 10)
    under_test.broker.queue("q").release(consumer.token())
    under_test.time.turn()

    assert while_locked == []
    assert len(under_test.broker.queue(DEAD).peek(0, 10)) == 1


def test_receive_and_delete_deletes_on_delivery() -> None:
    under_test = broker_with()
    send(under_test, encoded_message(b"once"))

    consumer = under_test.consume("q", deletes=True)

    assert consumer.deliveries[0][1] is None
    assert under_test.broker.queue("q").peek(0, 10) == []


def test_a_long_queue_is_not_kept_in_memory_and_is_delivered_in_order() -> None:
    under_test = broker_with()
    total = MAX_READY + 2 * READY_WINDOW + 7
    for _ in range(total):
        under_test.broker.destination("q").send([read_message(encoded_message())])
    under_test.time.turn()
    in_memory = len(under_test.broker.queue("q")._ready)

    consumer = under_test.consume("q", credit=total)

    assert in_memory <= MAX_READY
    assert consumer.sequence_numbers == list(range(1, total + 1))


def test_thousands_of_expired_locks_are_not_kept_in_memory_and_no_message_is_lost() -> None:
    under_test = broker_with()
    total = MAX_READY + READY_WINDOW
    send(under_test, *[encoded_message() for _ in range(total)])
    slow = under_test.consume("q", credit=total)
    under_test.broker.queue("q").unsubscribe(slow)

    under_test.time.advance(30)
    in_memory = len(under_test.broker.queue("q")._ready)
    other = under_test.consume("q", credit=total)

    assert in_memory <= MAX_READY
    assert other.sequence_numbers == list(range(1, total + 1))


def test_messages_are_delivered_round_robin() -> None:
    under_test = broker_with()
    consumers = [under_test.consume("q") for _ in range(3)]

    send(under_test, *[encoded_message() for _ in range(9)])

    assert [len(consumer.deliveries) for consumer in consumers] == [3, 3, 3]


def test_messages_wait_for_credit() -> None:
    under_test = broker_with()
    consumer: FakeConsumer = under_test.consume("q", credit=0)
    send(under_test, encoded_message())

    consumer.credit = 1
    under_test.broker.queue("q").schedule_pump()
    under_test.time.turn()

    assert consumer.sequence_numbers == [1]
