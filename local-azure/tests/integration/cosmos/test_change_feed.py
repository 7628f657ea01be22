from datetime import UTC, datetime
from typing import Any

import pytest
from azure.cosmos.aio import ContainerProxy
from azure.cosmos.exceptions import CosmosHttpResponseError

from tests.integration.cosmos.clients import Clock, gather, ids


def order(item_id: str, customer: str = "kim", **properties: Any) -> dict[str, Any]:
    return {"id": item_id, "customer": customer, **properties}


async def read(container: ContainerProxy, **options: Any) -> tuple[str, str]:
    """The ids of all changed items, and the continuation."""
    found = ids(await gather(container.query_items_change_feed(**options)))
    return found, container.client_connection.last_response_headers["etag"]


async def test_each_item_appears_at_its_last_change(orders: ContainerProxy) -> None:
    for item_id in ("1", "2", "3"):
        await orders.create_item(order(item_id))
    await orders.upsert_item(order("1", count=2))
    await orders.delete_item("2", "kim")

    found, _ = await read(orders, start_time="Beginning")

    assert found == "31"


async def test_reading_continues_from_a_continuation(orders: ContainerProxy) -> None:
    await orders.create_item(order("1"))
    first, continuation = await read(orders, start_time="Beginning")
    nothing, continuation = await read(orders, continuation=continuation)
    await orders.create_item(order("2", "lee"))
    second, continuation = await read(orders, continuation=continuation)

    assert (first, nothing, second) == ("1", "", "2")
    assert await read(orders, continuation=continuation) == ("", continuation)


async def test_reading_from_now_skips_earlier_changes(orders: ContainerProxy) -> None:
    await orders.create_item(order("before"))
    nothing, continuation = await read(orders, start_time="Now")

    await orders.create_item(order("after"))

    assert nothing == ""
    assert (await read(orders, continuation=continuation))[0] == "after"


async def test_reading_from_a_point_in_time_starts_there(orders: ContainerProxy, clock: Clock) -> None:
    await orders.create_item(order("before"))
    clock.now += 60
    start = datetime.fromtimestamp(clock.now, UTC)
    await orders.create_item(order("after"))

    assert (await read(orders, start_time=start))[0] == "after"


async def test_a_partition_and_a_feed_range_have_their_own_feeds(orders: ContainerProxy) -> None:
    await orders.create_item(order("1", "kim"))
    await orders.create_item(order("2", "lee"))
    of_lee = await orders.feed_range_from_partition_key("lee")

    by_key, continuation = await read(orders, partition_key="kim", start_time="Beginning")
    by_range, _ = await read(orders, feed_range=of_lee, start_time="Beginning")
    await orders.create_item(order("3", "lee"))
    await orders.create_item(order("4", "kim"))

    assert (by_key, by_range) == ("1", "2")
    assert (await read(orders, continuation=continuation))[0] == "4"


async def test_a_batch_is_never_split(orders: ContainerProxy) -> None:
    await orders.create_item(order("1"))
    await orders.execute_item_batch([("create", (order(item_id),)) for item_id in "abcde"], "kim")
    await orders.create_item(order("2"))

    feed = orders.query_items_change_feed(start_time="Beginning", max_item_count=2).by_page()
    pages = [await gather(page) async for page in feed]

    assert [ids(page) for page in pages] == ["1abcde", "2"]
    assert len({item["_lsn"] for item in pages[0][1:]}) == 1


async def test_an_expired_item_is_no_longer_in_the_feed(orders: ContainerProxy, clock: Clock) -> None:
    await orders.create_item(order("short", ttl=10))
    await orders.create_item(order("long"))

    clock.now += 10

    assert (await read(orders, start_time="Beginning"))[0] == "long"


async def test_the_full_fidelity_feed_is_refused(orders: ContainerProxy) -> None:
    with pytest.raises(CosmosHttpResponseError, match="full-fidelity") as refused:
        await read(orders, mode="AllVersionsAndDeletes")

    assert refused.value.status_code == 400
