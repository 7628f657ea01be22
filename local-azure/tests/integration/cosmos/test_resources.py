from typing import Any

import aiohttp
import pytest
from azure.cosmos import PartitionKey
from azure.cosmos.aio import CosmosClient, DatabaseProxy
from azure.cosmos.exceptions import (
    CosmosHttpResponseError,
    CosmosResourceExistsError,
    CosmosResourceNotFoundError,
)

from local_azure.cosmos import CosmosEmulator
from tests.integration.cosmos.clients import connect, gather, ids


async def test_databases_are_created_listed_queried_and_deleted(client: CosmosClient) -> None:
    created = await client.create_database("new")
    again = await client.create_database_if_not_exists("new")
    with pytest.raises(CosmosResourceExistsError):
        await client.create_database("new")

    listed = await gather(client.list_databases())
    queried = await gather(client.query_databases("SELECT * FROM d WHERE d.id = 'new'"))
    read = await again.read()
    await client.delete_database("new")

    assert read["_rid"] == queried[0]["_rid"]
    assert ids(listed) == "shopnew"
    with pytest.raises(CosmosResourceNotFoundError):
        await created.read()


async def test_containers_are_created_listed_changed_and_deleted(shop: DatabaseProxy) -> None:
    key = PartitionKey("/a")
    container = await shop.create_container("new", key, default_ttl=60)
    again = await shop.create_container_if_not_exists("new", key)
    with pytest.raises(CosmosResourceExistsError):
        await shop.create_container("new", key)

    await shop.replace_container("new", key, default_ttl=120)
    properties = await again.read()
    listed = await gather(shop.list_containers())
    await shop.delete_container("new")

    assert properties["defaultTtl"] == 120
    assert properties["partitionKey"] == {"paths": ["/a"], "kind": "Hash", "version": 2}
    assert ids(listed) == "ordersnestednew"
    with pytest.raises(CosmosResourceNotFoundError):
        await container.create_item({"id": "1", "a": "x"})


async def test_a_recreated_container_is_empty_and_recognised_as_new(shop: DatabaseProxy) -> None:
    old = await shop.create_container("new", PartitionKey("/a"))
    await old.create_item({"id": "1", "a": "x"})
    await shop.delete_container("new")

    await shop.create_container("new", PartitionKey("/b"))

    # The old client's idea of the partition key is out of date; it finds that out and asks again.
    await old.upsert_item({"id": "2", "b": "y"})
    assert ids(await gather(old.read_all_items())) == "2"


@pytest.mark.parametrize(
    ("options", "feature"),
    [
        ({"unique_key_policy": {"uniqueKeys": [{"paths": ["/name"]}]}}, "unique keys"),
        ({"analytical_storage_ttl": -1}, "analytical store"),
        ({"vector_embedding_policy": {"vectorEmbeddings": [{"path": "/v"}]}}, "vector search"),
        ({"default_ttl": 0}, "ttl"),
    ],
)
async def test_a_container_with_an_unsupported_feature_is_refused(
    shop: DatabaseProxy, options: dict[str, Any], feature: str
) -> None:
    with pytest.raises(CosmosHttpResponseError, match=feature) as refused:
        await shop.create_container("new", PartitionKey("/a"), **options)

    assert refused.value.status_code == 400


async def test_a_partition_key_may_have_several_levels(shop: DatabaseProxy) -> None:
    container = await shop.create_container("levels", PartitionKey(["/country", "/city"]))
    for item_id, city in (("1", "Seoul"), ("2", "Busan"), ("3", "Seoul")):
        await container.create_item({"id": item_id, "country": "KR", "city": city})

    seoul = await gather(container.query_items("SELECT * FROM c", partition_key=["KR", "Seoul"]))
    korea = await gather(container.query_items("SELECT * FROM c", partition_key=["KR"]))

    assert (await container.read_item("2", ["KR", "Busan"]))["city"] == "Busan"
    assert ids(seoul) == "13"
    assert ids(korea) == "123"


@pytest.mark.parametrize("kind", ["sprocs", "triggers", "udfs"])
async def test_scripts_are_refused_by_name(shop: DatabaseProxy, kind: str) -> None:
    scripts = shop.get_container_client("orders").scripts
    body = {"id": "x", "body": "function () {}", "triggerType": "Pre", "triggerOperation": "All"}
    create = {
        "sprocs": scripts.create_stored_procedure,
        "triggers": scripts.create_trigger,
        "udfs": scripts.create_user_defined_function,
    }[kind]

    with pytest.raises(CosmosHttpResponseError, match="does not support") as refused:
        await create(body)

    assert refused.value.status_code == 400


async def test_a_request_signed_with_another_key_is_refused(emulator: CosmosEmulator) -> None:
    wrong = f"AccountEndpoint={emulator.url}/;AccountKey=d3Jvbmc=;"

    client = connect(wrong)
    with pytest.raises(CosmosHttpResponseError, match="not signed with the key") as refused:
        await gather(client.list_databases())
    await client.close()

    assert refused.value.status_code == 401


async def test_a_request_without_a_signature_is_refused(emulator: CosmosEmulator) -> None:
    timeout = aiohttp.ClientTimeout(total=10)
    async with aiohttp.ClientSession(timeout=timeout) as session, session.get(f"{emulator.url}/dbs") as response:
        assert response.status == 401
        assert (await response.json())["code"] == "Unauthorized"
