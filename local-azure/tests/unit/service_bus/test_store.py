"""What happens to the writes of one turn of the loop, together."""

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


def test_what_is_written_in_a_turn_is_answered_at_its_end() -> None:
    under_test = BrokerUnderTest(QUEUE)
    answers: list[str] = []

    under_test.broker.destination("q").send([read_message(encoded_message())])
    under_test.store.after_commit(lambda: answers.append("accepted"))
    before = list(answers)
    under_test.time.turn()

    assert (before, answers) == ([], ["accepted"])


def test_where_nothing_is_written_the_answer_comes_at_once() -> None:
    answers: list[str] = []

    BrokerUnderTest(QUEUE).store.after_commit(lambda: answers.append("accepted"))

    assert answers == ["accepted"]


def test_a_full_disk_undoes_the_turn_and_everyone_in_it_hears_so() -> None:
    under_test = BrokerUnderTest(QUEUE)
    destination, held = under_test.broker.destination("q"), under_test.broker.queue("q")
    consumer = under_test.consume("q")
    destination.send([read_message(encoded_message(b"locked"))])
    under_test.time.turn()
    fill_the_disk(under_test)
    answers: list[str] = []

    held.complete(consumer.token())
    under_test.store.after_commit(lambda: answers.append("completed"), lambda: answers.append("not completed"))
    with pytest.raises(StateNotWritten, match="full"):
        destination.send([LARGE])
    under_test.time.turn()

    assert answers == ["not completed"]
    assert [message.content for message in held.peek(0, 10)] == consumer.contents
    held.complete(consumer.token())
    under_test.time.turn()
    assert held.peek(0, 10) == []


def test_after_a_full_disk_sending_goes_on() -> None:
    under_test = BrokerUnderTest(QUEUE)
    consumer = under_test.consume("q")
    fill_the_disk(under_test)
    with pytest.raises(StateNotWritten, match="full"):
        under_test.broker.destination("q").send([LARGE])

    make_room(under_test)
    under_test.broker.destination("q").send([read_message(encoded_message(b"small"))])
    under_test.time.turn()

    assert [b"small" in content for content in consumer.contents] == [True]


def test_numbers_that_were_reserved_in_an_undone_turn_are_reserved_again(tmp_path: Path) -> None:
    before = BrokerUnderTest(QUEUE, tmp_path / "state")
    fill_the_disk(before)
    with pytest.raises(StateNotWritten, match="full"):
        before.broker.destination("q").send([LARGE])
    make_room(before)
    before.broker.destination("q").send([read_message(encoded_message())])
    before.time.turn()
    given = before.consume("q", deletes=True).numbers

    after = BrokerUnderTest(QUEUE, tmp_path / "state", before.time)
    after.broker.destination("q").send([read_message(encoded_message())])
    after.time.turn()

    assert after.consume("q").numbers > given


def test_one_faulty_answer_does_not_keep_the_others_back() -> None:
    under_test = BrokerUnderTest(QUEUE)
    answers: list[str] = []

    def faulty() -> None:
        raise RuntimeError("a fault")

    under_test.broker.destination("q").send([read_message(encoded_message())])
    under_test.store.after_commit(faulty)
    under_test.store.after_commit(lambda: answers.append("accepted"))
    under_test.time.turn()

    assert answers == ["accepted"]


def test_the_log_is_worked_off_into_the_file(tmp_path: Path) -> None:
    database = tmp_path / "state"
    under_test = BrokerUnderTest(QUEUE, database)
    size = database.stat().st_size
    under_test.broker.destination("q").send([LARGE])
    under_test.time.turn()

    under_test.store.checkpoint()

    assert database.stat().st_size > size + 200_000
