"""What the indexing policy allows and indexes, and that queries by an index read no more than they need."""

import json
import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local_azure.cosmos.errors import CosmosError
from local_azure.cosmos.query.engine import select_from
from local_azure.cosmos.store import order_keys
from local_azure.cosmos.store.indexing import IndexingPolicy
from local_azure.cosmos.store.storage import Snapshot
from tests.unit.cosmos.accounts import Shop
from tests.unit.cosmos.test_search import CONSTANTS, OPERATORS, VALUES

EXCLUDED = [{"path": "/*"}]
SOME_PATHS = {"includedPaths": [{"path": "/a/?"}, {"path": "/n/?"}, {"path": "/d/e/?"}], "excludedPaths": EXCLUDED}


def policy(*included: str, excluded: tuple[str, ...] = ("/*",), **other: Any) -> IndexingPolicy:
    paths = {"includedPaths": [{"path": path} for path in included], "excludedPaths": [{"path": p} for p in excluded]}
    return IndexingPolicy({**paths, **other})


@pytest.mark.parametrize(
    ("given_policy", "path", "sorts"),
    [
        (policy("/*", excluded=()), "a", True),
        (policy("/*", excluded=('/"_etag"/?',)), "_etag", False),
        (policy("/a/?"), "a", True),
        (policy("/a/?"), "b", False),
        (policy("/a/?"), "a.b", False),
        (policy("/a/*"), "a.b", True),
        (policy("/a/b/?"), "a.b", True),
        (policy("/*", excluded=("/a/*",)), "a.b", False),
        (policy("/*", "/a/b/*", excluded=("/a/*",)), "a.b", True),
        (policy("/a/*", excluded=("/*", "/a/?")), "a", False),
        (policy("/a/?"), "id", True),
        (policy("/a/?"), "_ts", True),
        (policy(indexingMode="none"), "id", False),
    ],
)
def test_the_more_precise_path_decides_what_can_be_sorted_by(
    given_policy: IndexingPolicy, path: str, *, sorts: bool
) -> None:
    order = [(tuple(path.split(".")), True)]
    if sorts:
        given_policy.check_order(order)
        return
    with pytest.raises(CosmosError) as refused:
        given_policy.check_order(order)

    assert refused.value.status == 400
    assert refused.value.message == "The index path corresponding to the specified order-by item is excluded."


@pytest.mark.parametrize(
    ("included", "message"),
    [
        ("/a", "'/a' could not be accepted"),
        ("a/?", "could not be accepted"),
        ("/a/?", "special mandatory indexing path"),
    ],
)
def test_a_policy_that_azure_refuses_is_refused(included: str, message: str) -> None:
    with pytest.raises(CosmosError, match=message):
        policy(included, excluded=() if included == "/a/?" else ("/*",))


@pytest.fixture(scope="module")
def indexed() -> Shop:
    """An item for each value, and one without; `n` and `d.e` are indexed too."""
    shop = Shop(indexing_policy=SOME_PATHS)
    for number, value in enumerate(VALUES):
        shop.clock.now += 1
        shop.create(f"{number:02}", "kim" if number % 3 else "lee", a=value, n=number % 4, d={"e": value}, b=value)
    shop.create("99", "lee")
    return shop


conditions = st.builds(
    "{} {} {}".format,
    st.sampled_from(["c.a", "c.n", "c.d.e", "c.b", "c.id"]),
    st.sampled_from(OPERATORS),
    st.sampled_from(CONSTANTS),
) | st.builds("c.{} IN ({}, {})".format, st.sampled_from("an"), st.sampled_from(CONSTANTS), st.sampled_from(CONSTANTS))
orders = ["", "c.a", "c.a DESC", "c.n", "c.n DESC", "c.d.e DESC", "c.id DESC", "c._ts DESC"]


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(conditions, min_size=1, max_size=3), st.sampled_from(orders), st.integers(1, 5))
def test_a_search_by_an_index_finds_the_same_as_a_full_scan(
    indexed: Shop, terms: list[str], order: str, size: int
) -> None:
    where = " AND ".join(terms)
    query = f"SELECT * FROM c WHERE {where}"  # noqa: S608  # the queries are what is tested
    everything = [json.loads(body) for body in indexed.query("SELECT * FROM c")]
    expected = select_from(query, {}, everything, indexed.clock())

    found = [json.loads(text) for text in indexed.query(f"{query} ORDER BY {order}" if order else query, size)]
    [count] = indexed.query(f"SELECT VALUE COUNT(1) FROM c WHERE {where}")  # noqa: S608  # the same

    assert sorted(item["id"] for item in found) == [item["id"] for item in expected]
    assert int(count) == len(expected)
    if order:
        in_order = select_from(f"{query} ORDER BY {order}", {}, everything, indexed.clock())
        path = tuple(order.split(maxsplit=1)[0].split(".")[1:])
        keys = [order_keys.of_path(item, path) for item in found]
        defined = [key for key in keys if key != order_keys.UNDEFINED]
        assert defined == [order_keys.of_path(item, path) for item in in_order]


def test_a_path_that_is_named_also_returns_the_items_without_it(indexed: Shop) -> None:
    assert indexed.query("SELECT VALUE c.id FROM c ORDER BY c.a")[0] == '"99"'
    assert indexed.query("SELECT VALUE c.id FROM c ORDER BY c.a DESC")[-1] == '"99"'


def test_a_sort_that_the_policy_excludes_is_refused(indexed: Shop) -> None:
    with pytest.raises(CosmosError, match="order-by item is excluded"):
        indexed.query("SELECT * FROM c ORDER BY c.b")

    assert len(indexed.query("SELECT * FROM c WHERE c.b = 'a'")) == 1


@pytest.mark.parametrize(
    ("query", "most"),
    [
        ("SELECT TOP 3 * FROM c ORDER BY c.n DESC", 3),
        ("SELECT TOP 3 * FROM c WHERE c.kind = 'order' ORDER BY c.n DESC", 3),
        ("SELECT TOP 3 * FROM c WHERE c.n < 50 ORDER BY c.n DESC", 3),
        ("SELECT TOP 3 * FROM c WHERE c.a = 'x' AND c.id < '0500' ORDER BY c.id DESC", 3),
        ("SELECT * FROM c WHERE c.n = 7", 1),
        ("SELECT * FROM c WHERE c.n > 996", 3),
        ("SELECT VALUE COUNT(1) FROM c", 0),
        ("SELECT VALUE COUNT(1) FROM c WHERE c.a = 'x'", 0),
    ],
)
def test_a_query_that_an_index_serves_reads_no_more_items_than_it_returns(query: str, most: int) -> None:
    shop = Shop(indexing_policy=SOME_PATHS)
    for number in range(1000):
        shop.create(f"{number:04}", a="x" if number % 2 else "y", n=number, kind="order")

    page = shop.query_page(query)

    assert page.continuation is None
    assert page.items_read <= most


@pytest.mark.parametrize("after", ["", " AND c.n > 3", " AND c.id > '0001'"])
@pytest.mark.parametrize("order", ["", " ORDER BY c.n", " ORDER BY c.n DESC", " ORDER BY c.id DESC", " ORDER BY c._ts"])
@pytest.mark.parametrize("condition", ["c.a = 'x'", "c.customer = 'kim'", "c.b = 'z'", "c.n >= 0"])
def test_no_step_of_a_query_sorts_in_sqlite(
    monkeypatch: pytest.MonkeyPatch, condition: str, order: str, after: str
) -> None:
    shop = Shop(indexing_policy=SOME_PATHS)
    for number in range(10):
        shop.create(f"{number:04}", a="x", n=number, b="z")
    plans: list[str] = []
    read = Snapshot.read

    def explained(snapshot: Snapshot, statement: str, parameters: Any = ()) -> sqlite3.Cursor:
        plans.extend(row[3] for row in read(snapshot, f"EXPLAIN QUERY PLAN {statement}", parameters))
        return read(snapshot, statement, parameters)

    monkeypatch.setattr(Snapshot, "read", explained)

    shop.query(f"SELECT * FROM c WHERE {condition}{after}{order}", size=3)  # noqa: S608  # the queries are what is tested

    assert plans
    assert not [plan for plan in plans if "B-TREE" in plan]


def test_a_change_of_the_policy_indexes_the_items_that_exist(caplog: pytest.LogCaptureFixture) -> None:
    shop = Shop()
    for number in range(10):
        shop.create(f"{number}", n=-number)
    with caplog.at_level(logging.INFO):
        change_policy(shop, SOME_PATHS)

    shop.create("new", n=-3.5)

    assert [json.loads(text) for text in shop.query("SELECT VALUE c.n FROM c WHERE c.n > -5 ORDER BY c.n")] == [
        -4,
        -3.5,
        -3,
        -2,
        -1,
        0,
    ]
    assert "shop/orders: indexed /a, /n, /d/e of 10 items" in caplog.text
    change_policy(shop, {"includedPaths": [{"path": "/*"}]})
    shop.items.replace(shop.commit(), "1", {"id": "1", "customer": "kim", "n": 100})
    change_policy(shop, SOME_PATHS)
    assert shop.query("SELECT VALUE c.id FROM c ORDER BY c.n DESC")[0] == '"1"'


def change_policy(shop: Shop, indexing_policy: dict[str, Any]) -> None:
    shop.account.catalog.replace_container(shop.orders, {"id": "orders", "indexingPolicy": indexing_policy})


def test_the_index_follows_every_change_of_an_item() -> None:
    shop = Shop(indexing_policy=SOME_PATHS)
    numbers: Callable[[], list[str]] = lambda: shop.query("SELECT VALUE c.n FROM c ORDER BY c.n")  # noqa: E731
    shop.create("1", n=1)
    shop.create("2", n=2)

    shop.items.replace(shop.commit(), "1", {"id": "1", "customer": "kim", "n": 3})
    assert numbers() == ["2", "3"]
    shop.items.delete(shop.commit(), "2")
    assert numbers() == ["3"]
    shop.items.delete_partition(shop.commit())
    assert numbers() == []


def test_a_state_folder_of_an_older_version_is_upgraded_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    shop = Shop(tmp_path / "cosmos.sqlite3", indexing_policy=SOME_PATHS)
    for number in range(5):
        shop.create(f"{number}", n=-number)
    shop.items.replace(shop.commit(), "0", {"id": "0", "customer": "kim", "n": 1})
    changes = shop.changes()
    for _, column in shop.orders.indexing.indexed:
        shop.storage.write(f"DROP INDEX items_1_by_{column}")
        shop.storage.write(f"ALTER TABLE items_1 DROP COLUMN {column}")
    for statement in (
        "DROP INDEX items_1_by_change",
        "CREATE UNIQUE INDEX items_1_by_sequence ON items_1 (sequence)",
        "ALTER TABLE items_1 ADD COLUMN effective_key TEXT NOT NULL DEFAULT ''",
    ):
        shop.storage.write(statement)
    shop.storage.close()

    with caplog.at_level(logging.INFO):
        again = Shop(tmp_path / "cosmos.sqlite3")

        assert again.query("SELECT VALUE c.n FROM c ORDER BY c.n") == ["-4", "-3", "-2", "-1", "1"]
    assert again.changes() == changes
    assert "shop/orders: bringing the table of an older version up to date" in caplog.text
    assert "of 5 items" in caplog.text
    again.storage.close()
    caplog.clear()
    Shop(tmp_path / "cosmos.sqlite3").storage.close()
    assert not caplog.text


def test_expired_items_are_not_counted_before_they_are_purged() -> None:
    shop = Shop(default_ttl=-1, indexing_policy=SOME_PATHS)
    shop.create("1", a="x", ttl=10)
    shop.create("2", a="x")
    shop.create("3", a="y", ttl=10)
    shop.clock.now += 11

    assert shop.query("SELECT VALUE COUNT(1) FROM c") == ["1"]
    assert shop.query("SELECT VALUE COUNT(1) FROM c WHERE c.a = 'x'") == ["1"]


def test_counting_goes_on_over_several_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local_azure.cosmos.query.pages.COUNTED_AT_ONCE", 3)
    monkeypatch.setattr("local_azure.cosmos.query.pages.SLICE_SECONDS", 0)
    shop = Shop(indexing_policy=SOME_PATHS)
    for number in range(10):
        shop.create(f"{number}", a="x" if number else "y")

    assert shop.query("SELECT VALUE COUNT(1) FROM c") == ["10"]
    assert shop.query("SELECT VALUE COUNT(1) FROM c WHERE c.a = 'x'") == ["9"]


def test_a_query_in_slices_sees_one_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local_azure.cosmos.query.pages.SLICE_SECONDS", 0)
    shop = Shop()
    for number in range(10):
        shop.create(f"{number}", n=1)
    total = shop.pages("SELECT VALUE SUM(c.n) FROM c")
    next(total)

    shop.create("late", n=100)
    shop.items.replace(shop.commit(), "9", {"id": "9", "customer": "kim", "n": 1000})
    shop.items.delete(shop.commit(), "8")
    shop.storage.commit()

    assert shop.finished(total).results == ["10"]
    assert shop.query("SELECT VALUE SUM(c.n) FROM c") == ["1108"]
