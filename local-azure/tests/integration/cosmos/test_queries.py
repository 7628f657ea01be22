from typing import Any

import pytest
from azure.cosmos.aio import ContainerProxy
from azure.cosmos.exceptions import CosmosHttpResponseError

from tests.integration.cosmos.clients import gather, ids, named, query


@pytest.fixture
async def filled(orders: ContainerProxy) -> ContainerProxy:
    """Nine orders of three customers, 1 to 9, and an event for each third order."""
    for number in range(1, 10):
        customer = ("lee", "kim", "park")[number % 3]
        item = {
            "id": f"{number}",
            "customer": customer,
            "type": "order",
            "number": number,
            "tags": ["a"] * (number % 2),
        }
        batch = [("create", (item,))]
        if number % 3 == 0:
            batch.append(("create", ({"id": f"e{number}", "customer": customer, "type": "event"},)))
        await orders.execute_item_batch(batch, customer)
    return orders


async def test_the_newest_items_before_an_id_are_listed_across_partitions(filled: ContainerProxy) -> None:
    text = "SELECT TOP @n * FROM c WHERE c.type = 'order' AND c.id < @after ORDER BY c.id DESC"

    first = await query(filled, text, parameters=named(n=4, after="~"))
    second = await query(filled, text, parameters=named(n=4, after=first[-1]["id"]))

    assert ids(first) == "9876"
    assert ids(second) == "5432"


async def test_a_query_in_one_partition_sees_only_its_items(filled: ContainerProxy) -> None:
    found = await query(filled, "SELECT * FROM c WHERE c.type = 'order' ORDER BY c.number DESC", partition_key="kim")

    assert ids(found) == "741"


async def test_a_page_continues_where_the_previous_one_ended(filled: ContainerProxy) -> None:
    text = "SELECT VALUE c.number FROM c WHERE c.type = 'order'"
    pager: Any = filled.query_items(text, max_item_count=4).by_page()
    first = await gather(await anext(pager))
    token = pager.continuation_token

    rest: Any = filled.query_items(text, max_item_count=4).by_page(token)
    pages = [await gather(page) async for page in rest]

    assert [first, *pages] == [[1, 2, 3, 4], [5, 6, 7, 8], [9]]
    assert rest.continuation_token is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT VALUE COUNT(1) FROM c WHERE c.type = 'order'", [9]),
        ("SELECT VALUE SUM(c.number) FROM c", [45]),
        ("SELECT VALUE AVG(c.number) FROM c", [5]),
        ("SELECT VALUE MAX(c.number) FROM c WHERE c.customer = 'park'", [8]),
        ("SELECT DISTINCT VALUE c.customer FROM c ORDER BY c.customer", ["kim", "lee", "park"]),
        ("SELECT VALUE c.id FROM c WHERE c.number IN (2, 3) OR c.number BETWEEN 8 AND 9", ["2", "3", "8", "9"]),
        ("SELECT VALUE c.id FROM c WHERE ARRAY_CONTAINS(c.tags, 'a') AND c.number > 4", ["5", "7", "9"]),
        ("SELECT VALUE c.id FROM c WHERE NOT IS_DEFINED(c.number)", ["e3", "e6", "e9"]),
        ("SELECT VALUE c.id FROM c WHERE STARTSWITH(c.id, 'e') ORDER BY c.id DESC OFFSET 1 LIMIT 1", ["e6"]),
        ("SELECT c.id, t FROM c JOIN t IN c.tags WHERE c.number < 4", [{"id": "1", "t": "a"}, {"id": "3", "t": "a"}]),
    ],
)
async def test_results_are_those_of_the_reference(filled: ContainerProxy, text: str, expected: list[object]) -> None:
    assert await query(filled, text) == expected


async def test_groups_are_counted_in_one_partition(filled: ContainerProxy) -> None:
    text = "SELECT c.type, COUNT(1) AS n FROM c GROUP BY c.type"

    assert await query(filled, text, partition_key="lee") == [{"type": "order", "n": 3}, {"type": "event", "n": 3}]
    with pytest.raises(CosmosHttpResponseError, match="VALUE"):
        await query(filled, text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SELECT * FRM c", "Syntax error, incorrect syntax near 'FRM'"),
        ("SELECT * FROM c WHERE c.number = @missing", "the parameter @missing"),
        ("SELECT * FROM c ORDER BY c.type, c.number", "composite index"),
        ("SELECT * FROM c WHERE udf.mine(c)", "does not support user-defined functions"),
    ],
)
async def test_a_query_that_cannot_be_served_is_refused(filled: ContainerProxy, text: str, message: str) -> None:
    with pytest.raises(CosmosHttpResponseError) as refused:
        await query(filled, text)

    assert refused.value.status_code == 400
    assert message in str(refused.value.message)


async def test_feed_ranges_divide_the_container(filled: ContainerProxy) -> None:
    whole = [feed_range async for feed_range in filled.read_feed_ranges()]
    of_kim = await filled.feed_range_from_partition_key("kim")

    text = "SELECT VALUE c.id FROM c WHERE c.type = 'order'"
    in_all = [found for feed_range in whole for found in await query(filled, text, feed_range=feed_range)]
    in_one = await query(filled, text, feed_range=of_kim)

    assert "".join(in_all) == "123456789"
    assert in_one == ["1", "4", "7"]
