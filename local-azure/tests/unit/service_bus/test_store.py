"""The transaction of a turn of the event loop."""

from pathlib import Path

import pytest

from local_azure.service_bus.errors import StateNotWritten
from local_azure.service_bus.message import read_message
from tests.unit.service_bus.fakes import BrokerUnderTest, encoded_message, queue

QUEUE = {"Queues": [queue("q", LockDuration="PT30S")]}
LARGE = read_message(encoded_message(b"x" * 200_000))


def fill_the_disk(under_test: BrokerUnderTest) -> None:
    pages = under_test.store._connection.execute("PRAGMA page_count").fetchone()[0]
    under_test.store._connection.execute(f"PRAGMA max_page_count = {pages + 5}")


def make_room(under_test: BrokerUnderTest) -> None:
    under_test.store._connection.execute("PRAGMA max_page_count = 1000000")


def test_writes_are_answered_at_the_end_of_their_turn() -> None:
    under_test = BrokerUnderTest(QUEUE)
    answers: list[str] = []

    under_test.broker.destination("q").send([read_message(encoded_message())])
    under_test.store.after_commit(lambda: answers.append("accepted"))
    before = list(answers)
    under_test.time.turn()

    assert (before, answers) == ([], ["accepted"])


def test_without_writes_the_answer_is_immediate() -> None:
    answers: list[str] = []

    BrokerUnderTest(QUEUE).store.after_commit(lambda: answers.append("accepted"))

    assert answers == ["accepted"]


def test_a_full_disk_rolls_back_the_turn_and_fails_all_its_requests() -> None:
    under_test = BrokerUnderTest(QUEUE)
    destination, main_queue = under_test.broker.destination("q"), under_test.broker.queue("q")
    consumer = under_test.consume("q")
    destination.send([read_message(encoded_message(b"locked"))])
    under_test.time.turn()
    fill_the_disk(under_test)
    answers: list[str] = []

    main_queue.complete(consumer.token())
    under_test.store.after_commit(lambda: answers.append("completed"), lambda: answers.append("not completed"))
    with pytest.raises(StateNotWritten, match="full"):
        destination.send([LARGE])
    under_test.time.turn()

    assert answers == ["not completed"]
    assert [message.content for message in main_queue.peek(0, 10)] == consumer.contents
    main_queue.complete(consumer.token())
    under_test.time.turn()
    assert main_queue.peek(0, 10) == []


def test_sending_works_again_after_a_full_disk() -> None:
    under_test = BrokerUnderTest(QUEUE)
    consumer = under_test.consume("q")
    fill_the_disk(under_test)
    with pytest.raises(StateNotWritten, match="full"):
        under_test.broker.destination("q").send([LARGE])

    make_room(under_test)
    under_test.broker.destination("q").send([read_message(encoded_message(b"small"))])
    under_test.time.turn()

    assert [b"small" in content for content in consumer.contents] == [True]


def test_sequence_numbers_reserved_in_a_rolled_back_turn_are_reserved_again(tmp_path: Path) -> None:
    before = BrokerUnderTest(QUEUE, tmp_path / "state")
    fill_the_disk(before)
    with pytest.raises(StateNotWritten, match="full"):
        before.broker.destination("q").send([LARGE])
    make_room(before)
    before.broker.destination("q").send([read_message(encoded_message())])
    before.time.turn()
    delivered = before.consume("q", deletes=True).sequence_numbers

    after = BrokerUnderTest(QUEUE, tmp_path / "state", before.time)
    after.broker.destination("q").send([read_message(encoded_message())])
    after.time.turn()

    assert after.consume("q").sequence_numbers > delivered


def test_one_failing_answer_does_not_prevent_the_others() -> None:
    under_test = BrokerUnderTest(QUEUE)
    answers: list[str] = []

    def failing() -> None:
        raise RuntimeError("a bug")

    under_test.broker.destination("q").send([read_message(encoded_message())])
    under_test.store.after_commit(failing)
    under_test.store.after_commit(lambda: answers.append("accepted"))
    under_test.time.turn()

    assert answers == ["accepted"]


def test_a_checkpoint_moves_the_log_into_the_file(tmp_path: Path) -> None:
    database = tmp_path / "state"
    under_test = BrokerUnderTest(QUEUE, database)
    size = database.stat().st_size
    under_test.broker.destination("q").send([LARGE])
    under_test.time.turn()

    under_test.store.checkpoint()

    assert database.stat().st_size > size + 200_000
