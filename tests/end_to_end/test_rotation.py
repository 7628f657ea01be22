"""The key that signs customers' tokens changes, as docs/sessions.md says."""

import asyncio

import pytest

from local_azure.stack import Stack
from tools.bench.measurements.rotation import Rotation
from tools.play.apps import APPS
from tools.play.people import CustomersSystem

USERS = 4
SECONDS = 1.0
NOBODYS = tuple(f"/{collection}/00000000-0000-7000-8000-000000000000" for collection in ("customers", "customerViews"))


@pytest.mark.timeout(480)
async def test_a_new_key_refuses_nobody(customers_system: CustomersSystem) -> None:
    rotation = Rotation(customers_system, USERS, SECONDS)

    await rotation.run()

    assert rotation.refused == {}
    assert all(step.calls for step in rotation.steps)


@pytest.mark.timeout(480)
async def test_a_key_that_the_apps_do_not_know_yet_is_refused(
    customers_system: CustomersSystem, customers_stack: Stack
) -> None:
    keys = customers_system.keys
    keys.publish()
    keys.sign()  # before any app has restarted

    early = [await customers_system.newcomer().call("GET", path) for path in NOBODYS]
    for app in APPS:
        await asyncio.to_thread(customers_stack.restart_service, app)
    known = [await customers_system.newcomer().call("GET", path) for path in NOBODYS]
    keys.retire()

    assert [response.status for response in early] == [401, 401]
    assert [response.status for response in known] == [404, 404]
