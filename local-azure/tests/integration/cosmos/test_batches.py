from typing import Any

import pytest
from azure.cosmos.aio import ContainerProxy
from azure.cosmos.exceptions import CosmosBatchOperationError, CosmosHttpResponseError

from tests.integration.cosmos.clients import gather, ids, query


def order(item_id: str, **properties: Any) -> dict[str, Any]:
    return {"id": item_id, "customer": "kim", **properties}


async def test_a_batch_executes_every_kind_of_operation(orders: ContainerProxy) -> None:
    for item_id in ("1", "2", "3", "4"):
        await orders.create_item(order(item_id, count=1))

    results = await orders.execute_item_batch(
        [
            ("create", (order("5"),)),
            ("upsert", (order("6"),)),
            ("upsert", (order("1", count=2),)),
            ("replace", ("2", order("2", count=2))),
            (
                "patch",
                ("3", [{"op": "incr", "path": "/count", "value": 5}]),
                {"filter_predicate": "FROM c WHERE c.count = 1"},
            ),
            ("delete", ("4",)),
            ("read", ("3",)),
        ],
        "kim",
    )

    assert [result["statusCode"] for result in results] == [201, 201, 200, 200, 200, 204, 200]
    assert results[6]["resourceBody"]["count"] == 6
    assert results[0]["eTag"] == results[0]["resourceBody"]["_etag"]
    assert float(results.get_response_headers()["x-ms-request-charge"]) > 7
    assert sorted(ids(await gather(orders.read_all_items()))) == list("12356")


async def test_a_batch_that_fails_leaves_nothing(orders: ContainerProxy) -> None:
    existing = await orders.create_item(order("1", count=1))

    with pytest.raises(CosmosBatchOperationError) as failed:
        await orders.execute_item_batch(
            [
                ("upsert", (order("1", count=2),)),
                ("create", (order("2"),)),
                ("create", (order("1"),)),
                ("delete", ("1",)),
            ],
            "kim",
        )

    assert failed.value.error_index == 2
    assert [result["statusCode"] for result in failed.value.operation_responses] == [424, 424, 409, 424]
    assert [dict(item) for item in await gather(orders.read_all_items())] == [dict(existing)]


@pytest.mark.parametrize(
    ("operation", "status"),
    [
        (("read", ("none",)), 404),
        (("delete", ("none",)), 404),
        (("replace", ("1", order("1")), {"if_match_etag": '"stale"'}), 412),
        (
            (
                "patch",
                ("1", [{"op": "incr", "path": "/count", "value": 1}]),
                {"filter_predicate": "FROM c WHERE false"},
            ),
            412,
        ),
        (("patch", ("1", [{"op": "remove", "path": "/none"}])), 400),
        (("create", ({"id": "2", "customer": "lee"},)), 400),
        (("create", (order("a/b"),)), 400),
    ],
)
async def test_the_failed_operation_has_its_own_status(orders: ContainerProxy, operation: Any, status: int) -> None:
    await orders.create_item(order("1"))

    with pytest.raises(CosmosBatchOperationError) as failed:
        await orders.execute_item_batch([("create", (order("new"),)), operation], "kim")

    assert failed.value.status_code == status
    assert ids(await gather(orders.read_all_items())) == "1"


async def test_a_batch_has_at_most_a_hundred_operations(orders: ContainerProxy) -> None:
    creates = [("create", (order(f"{number}"),)) for number in range(101)]

    with pytest.raises(CosmosHttpResponseError, match="more operations than what is supported") as refused:
        await orders.execute_item_batch(creates, "kim")
    await orders.execute_item_batch(creates[:100], "kim")

    assert refused.value.status_code == 400
    assert await query(orders, "SELECT VALUE COUNT(1) FROM c") == [100]


async def test_a_batch_has_at_most_two_megabytes(orders: ContainerProxy) -> None:
    with pytest.raises(CosmosHttpResponseError) as refused:
        await orders.execute_item_batch([("create", (order(f"{half}", text="x" * 2**20),)) for half in (1, 2)], "kim")

    assert refused.value.status_code == 413
    assert await gather(orders.read_all_items()) == []


async def test_without_content_responses_a_batch_returns_only_status_and_etag(orders: ContainerProxy) -> None:
    results = await orders.execute_item_batch([("create", (order("1"),))], "kim", no_response=True)

    assert results[0]["statusCode"] == 201
    assert "eTag" in results[0]
    assert "resourceBody" not in results[0]
