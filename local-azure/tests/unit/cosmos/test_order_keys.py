from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_azure.cosmos.query.values import sort_key
from local_azure.cosmos.store import order_keys

# In the order of the query language: by type, then by value.
ORDERED: list[Any] = [None, False, True, -(10**400), -1.5, -1, 0, 5e-324, 0.5, 1, 1.5, 2, 10, 10**400]
ORDERED += ["", "\0", "\0a", "A", "a", "a\0", "a\0b", "ab", "b", "가", "\ud800", "\uffff", "𝄞", [], {}]


@pytest.mark.parametrize(("less", "greater"), list(pairwise(ORDERED)))
def test_keys_sort_like_the_values(less: object, greater: object) -> None:
    assert order_keys.encode(less) < order_keys.encode(greater)


values = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text()


@given(values, values)
def test_keys_compare_as_order_by_does(one: object, other: object) -> None:
    keys, sorts = (order_keys.encode(one), order_keys.encode(other)), (sort_key(one), sort_key(other))

    assert (keys[0] < keys[1]) == (sorts[0] < sorts[1])
    assert (keys[0] == keys[1]) == (sorts[0] == sorts[1])


def test_a_missing_property_sorts_before_everything_else() -> None:
    item = {"a": {"b": None}}

    assert order_keys.of_path(item, ("a", "c")) == order_keys.of_path(item, ("a", "b", "c")) == order_keys.UNDEFINED
    assert order_keys.of_path(item, ("a", "b")) > order_keys.UNDEFINED


@given(values)
def test_a_value_lies_within_the_bounds_of_its_type(value: object) -> None:
    lowest, end = order_keys.bounds_of_type(value)

    assert lowest <= order_keys.encode(value) < end
