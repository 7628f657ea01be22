import uuid
from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.identifiers import new_uuid7, parse_customer_id, uuid7

MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)


def test_an_id_is_a_version_7_uuid_that_holds_its_millisecond() -> None:
    made = uuid.UUID(uuid7(MOMENT, random_bits=2**62 - 1))

    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert made.int >> 80 == int(MOMENT.timestamp() * 1000)


@pytest.mark.parametrize("later", [timedelta(microseconds=1), timedelta(milliseconds=1), timedelta(days=400)])
def test_later_ids_sort_after_earlier_ones_whatever_their_random_part(later: timedelta) -> None:
    assert uuid7(MOMENT, random_bits=2**62 - 1) < uuid7(MOMENT + later, random_bits=0)


def test_new_ids_differ_and_are_recognised() -> None:
    first, second = new_uuid7(), new_uuid7()

    assert first != second
    assert parse_customer_id(first) == first
    assert parse_customer_id(second) == second


@pytest.mark.parametrize(
    "text", ["", "1", "x" * 36, "0189EE3E-0000-7000-8000-000000000000", "{" + "0" * 32 + "}", "0" * 32]
)
def test_any_text_but_a_uuid_in_our_own_form_is_not_an_id(text: str) -> None:
    assert parse_customer_id(text) is None
