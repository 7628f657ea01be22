"""Whether what is stored agrees, and what Service Bus did between two looks."""

from shared.domain.registration import RegistrationStatus
from tools.bench.figures import Answer, LoadResult
from tools.bench.measurements.drain import steady
from tools.bench.measurements.postponed import Offered
from tools.bench.postponing import Stored, difference, median_and_most

NOBODY = {status.value: 0 for status in RegistrationStatus}


def stored(customers: int, messages: int, events: int, **postponed: int) -> Stored:
    return Stored(customers, messages, events, NOBODY | postponed)


def test_a_customer_without_a_message_or_a_message_too_many_is_shown() -> None:
    assert stored(2, 2, 2).verdict.endswith(": equal")
    for wrong in (stored(2, 1, 2), stored(2, 3, 2), stored(2, 2, 1)):
        assert wrong.verdict.endswith(": NOT EQUAL")


def test_a_measurement_counts_what_has_been_stored_since_its_start() -> None:
    change = stored(5, 5, 5, registered=3, pending=1) - stored(2, 2, 2, registered=1)

    assert change == stored(3, 3, 3, registered=2, pending=1)
    assert change.pending == 1


def test_operations_are_counted_by_entity() -> None:
    before = {"registrations-postponed": {"sent": 10, "delivered": 5}}
    after = {
        "registrations-postponed": {"sent": 30, "delivered": 15, "settled": 4},
        "customer-events": {"sent": 6},
        "customer-events/subscriptions/view-updater": {"settled": 8},
    }

    second = difference(before, after, 100.0, 2.0)

    assert (second.operations, second.of_attempts, second.tries, second.registered) == (24, 17, 5, 4)
    assert median_and_most([1, 2, 30]) == "median 2.0, at most 30"
    assert median_and_most([]) == "–"


def test_what_nobody_should_be_answered_is_listed() -> None:
    kinds = ["201", "201", "202", "503 KakaoTalk could not be notified", "500 failed", "connection lost"]
    result = LoadResult("test", [Answer(kind, 0.1) for kind in kinds], 2.0)

    offered = Offered(result, rate=3, capacity=1, settled=0, change=stored(2, 2, 2))

    assert offered.others == {"500 failed": 1, "connection lost": 1}
    assert offered.share_at_once == 1.0
    assert offered.share_taken == 0.5


def test_the_pace_of_a_drain_is_that_of_its_first_nine_tenths() -> None:
    assert steady([50.0, 40.0, 5.0, 0.0, 5.0]) == 45
    assert steady([]) == 0
