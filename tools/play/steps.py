"""The steps of a scenario: each makes a customer's call and checks what must follow. They work on any system."""

from collections.abc import Mapping
from typing import Any

from tools.play.narrator import Narrator
from tools.play.system import Response, System


async def register(narrator: Narrator[System], details: Mapping[str, Any]) -> str:
    """Registers a customer; returns the id. Raises StepFailed, as all steps do."""
    response = await narrator.call("POST", "/customers", details)
    narrator.expect(response.status == 201, "registered: 201")
    narrator.expect(response.body["customerAge"] == int(details["customerAge"]), "the age is stored as a number")
    narrator.expect(
        response.headers["Location"] == response.body["_links"]["self"]["href"], "Location leads to the customer"
    )
    return str(response.body["id"])


async def look_up(narrator: Narrator[System], customer_id: str) -> None:
    """Finds the customer in all three services."""
    await _expect_view(narrator, customer_id, "REGISTERED")
    for path in (f"/customers/{customer_id}", f"/kakaos/{customer_id}.registered", f"/customerViews/{customer_id}"):
        response = await narrator.call("GET", path)
        narrator.expect(response.status == 200, f"found: {path.split('/')[1]}")


async def cancel(narrator: Narrator[System], customer_id: str) -> None:
    """Cancels a registration: the customer is gone, and the view says CANCELED."""
    response = await narrator.call("DELETE", f"/customers/{customer_id}")
    narrator.expect(response.status == 204, "cancelled: 204")
    response = await narrator.call("GET", f"/customers/{customer_id}")
    narrator.expect(response.status == 404, "the customer is gone: 404")
    await _expect_view(narrator, customer_id, "CANCELED")


async def expect_alert(narrator: Narrator[System], customer_id: str) -> Response:
    """Waits for the alert of the cancellation; returns it as the kakao service shows it."""
    waiting = narrator.system.wait_for_alert(customer_id, narrator.event_seconds)
    await narrator.expect_soon("the alert was sent", waiting)
    response = await narrator.call("GET", f"/kakaos/{customer_id}.canceled")
    narrator.expect(response.body["kind"] == "canceled", "the alert is on record")
    return response


async def _expect_view(narrator: Narrator[System], customer_id: str, status: str) -> None:
    waiting = narrator.system.wait_for_view(customer_id, status, narrator.event_seconds)
    await narrator.expect_soon(f"the view says {status}", waiting)
