"""Nobody below 14 is registered, and nothing of them stays. Who is stored already, and is younger, can be served."""

import asyncio
from typing import Any

import pytest
from azure.cosmos.aio import CosmosClient

from shared import resources
from tests.end_to_end.test_fail_closed import wait_until_settled
from tools.play.apps import COLLECTIONS
from tools.play.local_system import LocalSystem
from tools.play.scenario import RESPOND_ASYNC

NAME = "도깨비-성춘향"
CHILD: dict[str, Any] = {"customerName": NAME, "customerAddress": "남원시 광한북로 13", "customerAge": 13}
YOUTH = {**CHILD, "customerAge": 14}


async def test_a_child_leaves_nothing_in_the_system(system: LocalSystem) -> None:
    customer_id = await system.register(YOUTH)
    await system.wait_for_view(customer_id, "REGISTERED")
    await wait_until_settled(system)
    stored = await system.count()
    logs = {service: system.stack.log(service) for service in (*COLLECTIONS, "gateway")}

    key = {"Idempotency-Key": "of-a-child"}
    answers = await asyncio.gather(
        system.call("POST", "/customers", json=CHILD),
        system.call("POST", "/customers", json=CHILD, headers=key),
        system.call("POST", "/customers", json=CHILD, headers={**key, **RESPOND_ASYNC}),
        system.call("PUT", f"/customers/{customer_id}", json=CHILD),
        system.call("PATCH", f"/customers/{customer_id}", json={"customerAge": 13}),
        system.call("POST", "/kakaos", json=CHILD, headers=key),
    )

    assert {(each.status, each.body["type"]) for each in answers} == {(422, "urn:ssak8:problem:too-young")}
    assert all(NAME not in each.text and "13" not in each.body["detail"] for each in answers)
    await wait_until_settled(system)
    assert await system.count() == stored
    assert {service: system.stack.log(service) for service in logs} == logs
    assert (await system.call("GET", f"/customers/{customer_id}")).body["customerAge"] == 14
    # The key has not been used: it registers somebody else, twice the same.
    registered = [await system.call("POST", "/customers", json=YOUTH, headers=key) for _ in range(2)]
    assert [each.status for each in registered] == [201, 201]
    assert len({each.body["id"] for each in registered}) == 1


@pytest.fixture
async def young_customer(system: LocalSystem) -> str:
    """The id of somebody of 9 years who was registered before that was refused."""
    customer_id = await system.register(YOUTH)
    await system.wait_for_view(customer_id, "REGISTERED")
    async with CosmosClient.from_connection_string(system.stack.connection_string("cosmos")) as cosmos:
        customers = cosmos.get_database_client(resources.DATABASE).get_container_client(resources.CUSTOMERS)
        earlier = [{"op": "replace", "path": "/customerAge", "value": 9}]
        await customers.patch_item(item=customer_id, partition_key=customer_id, patch_operations=earlier)
    return customer_id


async def test_who_is_stored_and_younger_can_be_read_corrected_and_cancelled(
    system: LocalSystem, young_customer: str
) -> None:
    path = f"/customers/{young_customer}"

    assert (await system.call("GET", path)).body["customerAge"] == 9
    corrected = await system.call("PATCH", path, json={"customerAddress": "seoul"})
    assert (corrected.status, corrected.body["customerAge"]) == (200, 9)
    assert (await system.call("DELETE", path)).status == 204

    await system.wait_for_alert(young_customer)
    await system.wait_for_view(young_customer, "CANCELED")
