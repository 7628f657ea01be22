import json
from typing import Any

import pytest
from azure.cosmos.partition_key import PartitionKey
from hypothesis import given
from hypothesis import strategies as st

from local_azure.cosmos.errors import CosmosError
from local_azure.cosmos.store import partition_keys
from local_azure.cosmos.store.partition_keys import PartitionKeyDefinition


def definition(*paths: str) -> PartitionKeyDefinition:
    kind = "Hash" if len(paths) == 1 else "MultiHash"
    return PartitionKeyDefinition.parse({"paths": list(paths), "kind": kind, "version": 2})


@pytest.mark.parametrize(
    ("path", "item", "key"),
    [
        ("/a", {"a": "x"}, '["x"]'),
        ("/a/b", {"a": {"b": 1}}, "[1]"),
        ("/a/b", {"a": 5}, "[{}]"),
        ("/a", {"a": None}, "[null]"),
        ("/a", {}, "[{}]"),
        ("/a", {"a": {"b": 1}}, "[{}]"),
        ("/a", {"a": [1]}, "[{}]"),
        ("/a", {"a": True}, "[true]"),
        ("/a", {"a": 1.0}, "[1]"),
        ("""/"it's"/"b/c" """.strip(), {"it's": {"b/c": "x"}}, '["x"]'),
    ],
)
def test_a_key_is_found_at_its_path_and_told_from_null_and_undefined(path: str, item: Any, key: str) -> None:
    assert definition(path).key_of(item) == key


@pytest.mark.parametrize("header", ['["x"]', '[ "x" ]', '["\\u0078"]'])
def test_a_header_names_the_same_key_however_it_is_written(header: str) -> None:
    assert partition_keys.from_header(header) == definition("/a").key_of({"a": "x"})


@pytest.mark.parametrize("header", ["x", "{}", '"x"', '[["x"]]', '[{"a": 1}]'])
def test_a_header_that_is_no_key_is_refused(header: str) -> None:
    with pytest.raises(CosmosError, match=r"partition|Partition"):
        partition_keys.from_header(header)


@pytest.mark.parametrize("path", ["", "a", "/", "//a", '/"a', None])
def test_a_path_that_leads_nowhere_is_refused(path: object) -> None:
    with pytest.raises(CosmosError, match="not of the form"):
        PartitionKeyDefinition.parse({"paths": [path]})


@given(st.one_of(st.text(max_size=200).filter(lambda text: text.isprintable()), st.booleans(), st.none()))
def test_keys_are_hashed_as_the_sdk_hashes_them(value: Any) -> None:
    expected = PartitionKey("/a")._get_epk_range_for_partition_key(value).min  # nothing public says it

    assert partition_keys.effective(json.dumps([value]), "Hash", 2) == expected


NUMBERS = st.floats(allow_nan=False, allow_infinity=False, width=32).map(lambda number: number + 0.0)  # no -0.0


@given(NUMBERS, st.text("abc가", max_size=120))
def test_old_and_hierarchical_keys_are_hashed_as_the_sdk_hashes_them(number: float, text: str) -> None:
    old, hierarchical = PartitionKey("/a", version=1), PartitionKey(["/a", "/b"])

    hashed_old = partition_keys.effective(json.dumps([text]), "Hash", 1)
    hashed_levels = partition_keys.effective(partition_keys.of_values([text, number]), "MultiHash", 2)

    assert hashed_old == old._get_epk_range_for_partition_key(text).min.upper()  # as above
    assert hashed_levels == hierarchical._get_epk_range_for_partition_key([text, number]).min  # as above
