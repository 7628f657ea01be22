"""What event-publisher passed over is published by the sweep, on a whole stack whose publisher does nothing."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from azure.cosmos.aio import CosmosClient

from local_azure.stack import Stack
from shared.domain.customer import Customer
from shared.domain.events import CustomerEvent
from shared.domain.identifiers import CustomerId, utc_now, uuid7
from shared.domain.outbox import OutboxEvent
from shared.resources import CUSTOMERS, DATABASE
from shared.use_cases.sweeping import SWEPT_AFTER
from tests.unit.fakes import YEON
from tools.paths import LOCAL_AZURE_SETTINGS
from tools.play.local_system import LocalSystem

OLD_ENOUGH = SWEPT_AFTER + timedelta(minutes=1)
TTL_SECONDS = 3600


@pytest.fixture
async def system(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[LocalSystem]:
    monkeypatch.setenv("AzureWebJobs_event-publisher_Disabled", "true")
    with Stack.start(LOCAL_AZURE_SETTINGS, tmp_path_factory.mktemp("sweep")) as stack:
        async with LocalSystem.of(stack) as system:
            yield system


async def store_unpublished(stack: Stack) -> CustomerId:
    """Stores the events of a customer who registered and cancelled some minutes ago; returns the customer's id."""
    then = utc_now() - OLD_ENOUGH
    customer = Customer.register(CustomerId(uuid7(then, 0)), YEON, then)
    registered = CustomerEvent.registered(uuid7(then, 1), customer)
    canceled = CustomerEvent.canceled(uuid7(then, 2), customer, then)
    async with CosmosClient.from_connection_string(stack.connection_string("cosmos")) as client:
        container = client.get_database_client(DATABASE).get_container_client(CUSTOMERS)
        for event in (registered, canceled):
            await container.create_item(OutboxEvent.of(event, None, TTL_SECONDS).to_json_object())
    return customer.customer_id


@pytest.mark.timeout(480)
async def test_events_that_were_passed_over_reach_view_and_alert(system: LocalSystem) -> None:
    just_now = await system.register()
    customer_id = await store_unpublished(system.stack)

    response = await system.call("POST", "/admin/functions/sweep-outbox", service="customer", json={})

    assert response.status == 202
    await system.wait_for_view(customer_id, "CANCELED")
    await system.wait_for_alert(customer_id)
    # What the publisher may still publish is left to it.
    assert (await system.call("GET", f"/customerViews/{just_now}")).status == 404
