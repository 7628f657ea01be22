import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from azure.core import MatchConditions
from azure.cosmos.aio import ContainerProxy, DatabaseProxy
from azure.cosmos.exceptions import (
    CosmosAccessConditionFailedError,
    CosmosBatchOperationError,
    CosmosHttpResponseError,
    CosmosResourceExistsError,
    CosmosResourceNotFoundError,
)
from azure.cosmos.partition_key import NonePartitionKeyValue, NullPartitionKeyValue

from local_azure.cosmos import CosmosContainer, CosmosEmulator
from local_azure.cosmos.store.items import ItemStore
from tests.integration.cosmos.clients import TIMEOUT_SECONDS, Clock, connect, gather, ids


def order(item_id: str, customer: str = "kim", **properties: Any) -> dict[str, Any]:
    return {"id": item_id, "customer": customer, **properties}


async def test_an_item_is_created_once_and_read_by_id_and_key(orders: ContainerProxy) -> None:
    created = await orders.create_item(order("1", name="청소", _private=1))

    read = await orders.read_item("1", "kim")

    assert dict(read) == dict(created)
    assert read["name"] == "청소"
    assert {"_rid", "_self", "_etag", "_attachments", "_ts", "_private"} <= read.keys()
    assert read.get_response_headers()["etag"] == read["_etag"]
    assert float(read.get_response_headers()["x-ms-request-charge"]) >= 1
    with pytest.raises(CosmosResourceExistsError):
        await orders.create_item(order("1"))


async def test_a_missing_item_differs_from_a_missing_container(orders: ContainerProxy, shop: DatabaseProxy) -> None:
    with pytest.raises(CosmosResourceNotFoundError) as item:
        await orders.read_item("none", "kim")
    await shop.delete_container("orders")
    with pytest.raises(CosmosResourceNotFoundError) as container:
        await orders.read_item("none", "kim")

    assert item.value.sub_status == 0
    assert container.value.sub_status == 1003


async def test_the_same_id_in_another_partition_is_another_item(orders: ContainerProxy) -> None:
    await orders.create_item(order("1", "kim"))
    await orders.create_item(order("1", "lee"))

    await orders.delete_item("1", "kim")

    assert (await orders.read_item("1", "lee"))["customer"] == "lee"


async def test_an_upsert_creates_or_replaces(orders: ContainerProxy) -> None:
    created = await orders.upsert_item(order("1", count=1))
    replaced = await orders.upsert_item(order("1", count=2))

    assert created["_etag"] != replaced["_etag"]
    assert created["_rid"] == replaced["_rid"]
    assert (await orders.read_item("1", "kim"))["count"] == 2


async def test_without_a_content_response_only_the_etag_is_returned(orders: ContainerProxy) -> None:
    created = await orders.create_item(order("1"), no_response=True)
    read = await orders.read_item("1", "kim")

    assert dict(created) == {}
    assert created.get_response_headers()["etag"] == read["_etag"]


@pytest.mark.parametrize("operation", ["replace", "upsert", "patch", "delete"])
async def test_a_write_with_a_stale_etag_is_refused(orders: ContainerProxy, operation: str) -> None:
    stale = await orders.create_item(order("1", count=1))
    await orders.upsert_item(order("1", count=2))
    unless_changed = {"etag": stale["_etag"], "match_condition": MatchConditions.IfNotModified}

    writes: dict[str, Callable[[], Awaitable[Any]]] = {
        "replace": lambda: orders.replace_item("1", order("1"), **unless_changed),
        "upsert": lambda: orders.upsert_item(order("1"), **unless_changed),
        "patch": lambda: orders.patch_item("1", "kim", [{"op": "remove", "path": "/count"}], **unless_changed),
        "delete": lambda: orders.delete_item("1", "kim", **unless_changed),
    }

    with pytest.raises(CosmosAccessConditionFailedError):
        await writes[operation]()

    assert (await orders.read_item("1", "kim"))["count"] == 2


async def test_a_write_with_the_current_etag_passes(orders: ContainerProxy) -> None:
    item = await orders.create_item(order("1"))

    condition = MatchConditions.IfNotModified
    item = await orders.replace_item("1", order("1", count=1), etag=item["_etag"], match_condition=condition)
    await orders.delete_item("1", "kim", etag=item["_etag"], match_condition=condition)

    with pytest.raises(CosmosResourceNotFoundError):
        await orders.delete_item("1", "kim")


async def test_a_patch_changes_parts_if_its_condition_holds(orders: ContainerProxy) -> None:
    await orders.create_item(order("1", count=1, tags=["a"]))
    operations: list[dict[str, Any]] = [
        {"op": "incr", "path": "/count", "value": 1},
        {"op": "add", "path": "/tags/-", "value": "b"},
    ]

    patched = await orders.patch_item("1", "kim", operations, filter_predicate="FROM c WHERE c.count = 1")

    assert (patched["count"], patched["tags"]) == (2, ["a", "b"])
    with pytest.raises(CosmosAccessConditionFailedError):
        await orders.patch_item("1", "kim", operations, filter_predicate="FROM c WHERE c.count = 1")
    with pytest.raises(CosmosHttpResponseError, match="cannot change"):
        await orders.patch_item("1", "kim", [{"op": "set", "path": "/id", "value": "2"}])


async def test_an_item_is_found_by_its_self_link(orders: ContainerProxy) -> None:
    created = await orders.create_item(order("1", count=1))

    assert (await orders.read_item(created, "kim"))["id"] == "1"
    await orders.delete_item(created, "kim")
    assert await gather(orders.read_all_items()) == []


@pytest.mark.parametrize("item_id", ["with space", "50%", "한글", "a+b&c=d", "'quoted'", "x" * 1023])
async def test_an_id_may_contain_anything_a_url_can_contain(orders: ContainerProxy, item_id: str) -> None:
    await orders.create_item(order(item_id))

    assert (await orders.read_item(item_id, "kim"))["id"] == item_id


@pytest.mark.parametrize(
    ("item", "status"),
    [
        (order("x" * 1024), 400),
        (order("1", ttl=0), 400),
        (order("1", ttl="10"), 400),
        (order("1", text="x" * 2 * 1024 * 1024), 413),
        (order("1", deep=eval("[" * 200 + "]" * 200)), 400),  # noqa: S307  # no shorter way to write it
        (order("1", customer="x" * 2049), 400),
    ],
)
async def test_an_item_the_service_refuses_is_refused(orders: ContainerProxy, item: Any, status: int) -> None:
    with pytest.raises(CosmosHttpResponseError) as refused:
        await orders.upsert_item(item)

    assert refused.value.status_code == status


async def test_the_key_of_the_request_must_be_the_key_of_the_item(orders: ContainerProxy) -> None:
    await orders.create_item(order("1", "kim"))

    with pytest.raises(CosmosBatchOperationError) as refused:
        await orders.execute_item_batch([("create", (order("2", "lee"),))], "kim")
    with pytest.raises(CosmosResourceNotFoundError):
        await orders.read_item("1", "lee")

    assert refused.value.operation_responses[0]["subStatusCode"] == 1001


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ({"city": "Seoul"}, "Seoul"),
        ({"city": 5}, 5),
        ({"city": True}, True),
        ({"city": None}, NullPartitionKeyValue),
        ({"street": "x"}, NonePartitionKeyValue),
        (None, NonePartitionKeyValue),
    ],
)
async def test_a_nested_key_may_be_a_string_number_boolean_null_or_missing(
    shop: DatabaseProxy, address: Any, key: Any
) -> None:
    nested = shop.get_container_client("nested")
    others = [{"id": "other", "address": {"city": city}} for city in ("Seoul ", "5", 1, "null")]
    for other in others:
        await nested.create_item(other)
    await nested.create_item({"id": "1", "address": address})

    found = await nested.read_item("1", key)
    in_partition = await gather(nested.query_items("SELECT * FROM c", partition_key=key))

    assert found["address"] == address
    assert ids(in_partition) == "1"


async def test_an_item_lives_as_long_as_its_ttl(orders: ContainerProxy, clock: Clock) -> None:
    await orders.create_item(order("short", ttl=10))
    await orders.create_item(order("for ever"))
    clock.now += 9.9
    assert (await orders.read_item("short", "kim"))["ttl"] == 10

    clock.now += 0.1

    with pytest.raises(CosmosResourceNotFoundError):
        await orders.read_item("short", "kim")
    assert ids(await gather(orders.read_all_items())) == "for ever"
    await orders.create_item(order("short"))


async def test_expired_items_are_purged_in_the_background(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given: a server that looks often
    monkeypatch.setattr("local_azure.cosmos.server.PURGE_INTERVAL_SECONDS", 0.01)
    purged, purge = asyncio.Event(), ItemStore.purge

    def observed(store: ItemStore) -> int:
        count = purge(store)
        if count:
            purged.set()
        return count

    monkeypatch.setattr(ItemStore, "purge", observed)
    container = CosmosContainer(database="shop", name="orders", partition_key="/customer", default_ttl=10)
    file = tmp_path / "purged.sqlite3"

    # when: an item expires
    async with (
        CosmosEmulator([container], file, clock=clock) as emulator,
        connect(emulator.connection_string) as client,
    ):
        await client.get_database_client("shop").get_container_client("orders").create_item(order("1"))
        clock.now += 10
        async with asyncio.timeout(TIMEOUT_SECONDS):
            await purged.wait()

    # then: it is gone from the file
    with closing(sqlite3.connect(file)) as database:
        assert database.execute("SELECT count(*) FROM items_1").fetchone() == (0,)


async def test_all_items_of_a_partition_are_deleted_together(orders: ContainerProxy) -> None:
    for item_id, customer in (("1", "kim"), ("2", "kim"), ("3", "lee")):
        await orders.create_item(order(item_id, customer))

    await orders.delete_all_items_by_partition_key("kim")

    assert ids(await gather(orders.read_all_items())) == "3"


async def test_many_items_are_read_at_once(orders: ContainerProxy) -> None:
    wanted = []
    for number in range(30):
        await orders.create_item(order(f"{number:02}", f"customer {number % 4}"))
        wanted.append((f"{number:02}", f"customer {number % 4}"))

    found = await orders.read_items([*wanted, ("none", "customer 1")])

    assert [item["id"] for item in found] == [item_id for item_id, _ in wanted]
