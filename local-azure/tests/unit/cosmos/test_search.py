"""Queries over the store: conditions translated to SQL must not change the results."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local_azure.cosmos.errors import CosmosError
from local_azure.cosmos.query.engine import select_from
from tests.unit.cosmos.accounts import Shop

OPERATORS = ["=", "!=", "<", "<=", ">", ">="]
# Values that SQLite takes for one another where the query language does not, and the other way round.
VALUES: list[Any] = [None, True, False, 0, 1, 2, 0.1, -1, "", "0", "1", "a", "a\0b", "b", "true", "가", "[1]", "null"]
VALUES += [2**60, 1e300, [1], {"b": 1}, {"b": "a"}]
CONSTANTS = [json.dumps(value) for value in [*VALUES, 1.0, "00", "05", "kim", "lee", "z", 1_000_003]]
PATHS = ["c.id", "c.customer", "c.a", "c.a.b", 'c["a"]', "c._ts", "c.missing"]
COMPARISONS = [f"{path} {operator} {constant}" for path in PATHS for operator in OPERATORS for constant in CONSTANTS]
FLIPPED = [f"{constant} {operator} {path}" for path in PATHS[:3] for operator in OPERATORS for constant in CONSTANTS]


@pytest.fixture(scope="module")
def full() -> Shop:
    """An item for each value, and one without."""
    shop = Shop()
    for number, value in enumerate(VALUES):
        shop.clock.now += 1  # so that ordering by _ts leaves no choice
        shop.create(f"{number:02}", "kim" if number % 3 else "lee", a=value)
    shop.clock.now += 1
    shop.create("99", "lee")
    return shop


def check(shop: Shop, query: str, size: int = 1000) -> None:
    """SQLite and the compiled query together find the same as the compiled query alone."""
    everything = [json.loads(body) for body in shop.query("SELECT * FROM c")]

    found = [json.loads(result) for result in shop.query(query, size)]

    assert found == select_from(query, {}, everything, shop.clock()), query


@pytest.mark.parametrize("conditions", [COMPARISONS, FLIPPED], ids=["path first", "constant first"])
def test_a_search_by_comparisons_finds_the_same_as_a_full_scan(full: Shop, conditions: list[str]) -> None:
    for condition in conditions:
        check(full, f"SELECT * FROM c WHERE {condition}")  # noqa: S608  # the queries are what is tested


comparisons = st.integers(0, len(COMPARISONS) - 1).map(lambda index: COMPARISONS[index])
paths = st.sampled_from(PATHS)
constants = st.sampled_from(CONSTANTS)
conditions = st.one_of(
    comparisons,
    st.builds("{} IN ({}, {})".format, paths, constants, constants),
    st.builds("{} NOT IN ({}, {})".format, paths, constants, constants),
    st.builds("{} BETWEEN {} AND {}".format, paths, constants, constants),
)
combinations = st.recursive(
    conditions,
    lambda inner: st.one_of(
        st.builds("({} AND {})".format, inner, inner),
        st.builds("({} OR {})".format, inner, inner),
        st.builds("NOT ({})".format, inner),
    ),
    max_leaves=4,
)
orders = st.sampled_from(["", " ORDER BY c.id", " ORDER BY c.id DESC", " ORDER BY c._ts DESC", " ORDER BY c.a"])
windows = st.sampled_from(["", " OFFSET 1 LIMIT 3", " OFFSET 0 LIMIT 0"])


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(combinations, orders, windows, st.integers(1, 5))
def test_a_search_by_any_condition_finds_the_same_as_a_full_scan(
    full: Shop, condition: str, order: str, window: str, size: int
) -> None:
    check(full, f"SELECT * FROM c WHERE {condition}{order}{window}", size)  # noqa: S608  # the queries are what is tested


def filled_shop() -> Shop:
    shop = Shop()
    for number in range(10):
        shop.create(f"{number}", "kim" if number % 2 else "lee", number=number)
    return shop


@pytest.mark.parametrize(
    "query",
    [
        "SELECT VALUE c.number FROM c",
        "SELECT VALUE c.number FROM c ORDER BY c.id",
        "SELECT VALUE c.number FROM c ORDER BY c.number",
        "SELECT DISTINCT VALUE c.number FROM c",
        "SELECT TOP 10 VALUE c.number FROM c ORDER BY c.id",
    ],
)
def test_pages_together_contain_each_result_once(query: str) -> None:
    shop = filled_shop()

    assert [json.loads(result) for result in shop.query(query, size=3)] == list(range(10))


def test_a_search_with_few_results_pauses_so_that_others_get_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local_azure.cosmos.query.pages.SCAN_BUDGET", 3)
    shop = filled_shop()

    first = shop.query_page("SELECT VALUE c.id FROM c WHERE ENDSWITH(c.id, '9')")

    assert (first.results, first.items_read) == ([], 3)
    assert shop.query("SELECT VALUE c.id FROM c WHERE ENDSWITH(c.id, '9')") == ['"9"']


def test_an_item_that_changes_between_two_pages_is_not_seen_twice() -> None:
    shop = filled_shop()
    engine_pages = []
    for size in (4, 100):
        engine_pages.append(shop.query("SELECT VALUE c.id FROM c", size=size))
        shop.items.replace(shop.commit("lee"), "0", {"id": "0", "customer": "lee", "number": 0})

    assert engine_pages[0] == engine_pages[1]


def test_ordering_by_several_paths_needs_a_composite_index() -> None:
    shop = filled_shop()
    query = "SELECT VALUE c.id FROM c ORDER BY c.customer DESC, c.number ASC"
    with pytest.raises(CosmosError, match="composite index"):
        shop.query(query)

    index = [[{"path": "/customer", "order": "ascending"}, {"path": "/number", "order": "descending"}]]
    shop.account.catalog.replace_container(shop.orders, {"id": "orders", "indexingPolicy": {"compositeIndexes": index}})

    assert "".join(json.loads(result) for result in shop.query(query)) == "0246813579"


def test_a_continuation_of_another_query_is_refused() -> None:
    with pytest.raises(CosmosError, match="continuation token"):
        filled_shop().query_page("SELECT * FROM c", "not a token")


def test_counting_reads_no_item_if_sqlite_can_count() -> None:
    shop = filled_shop()

    page = shop.query_page("SELECT VALUE COUNT(1) FROM c WHERE c.id >= '5' AND c.customer = 'kim'")

    assert page.results == ["3"]
    assert page.items_read == 0
