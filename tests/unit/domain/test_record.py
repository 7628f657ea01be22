import pytest
from pydantic import ValidationError

from shared.domain.record import Record


class Small(Record):
    first: int
    second: int = 2


class Large(Small):
    third: int


def test_the_fields_that_both_kinds_have_are_copied() -> None:
    assert Small.from_record(Large(first=5, second=6, third=7)) == Small(first=5, second=6)
    assert Large.from_record(Small(first=5), third=7) == Large(first=5, second=2, third=7)


def test_a_named_field_overrides_the_copy() -> None:
    assert Small.from_record(Small(first=5), first=6) == Small(first=6)


def test_a_field_that_is_in_neither_is_missing() -> None:
    with pytest.raises(ValidationError, match="third"):
        Large.from_record(Small(first=5))
