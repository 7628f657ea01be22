"""The calls that customers make, each with what must follow: parts of a scenario, for any system."""

from collections.abc import Mapping
from typing import Any

from tools.play.calls import Answer, Calls
from tools.play.stage import Stage


async def register(stage: Stage[Calls], details: Mapping[str, Any]) -> str:
    """Registers a customer; returns the id."""
    answer = await stage.call("POST", "/customers", details)
    stage.expect(answer.status == 201, "registered: 201")
    stage.expect(answer.body["customerAge"] == int(details["customerAge"]), "the age is a number, however it was sent")
    stage.expect(answer.headers["Location"] == answer.body["_links"]["self"]["href"], "Location leads to the customer")
    return str(answer.body["id"])


async def look_up(stage: Stage[Calls], customer_id: str) -> None:
    """Finds the customer in all three services."""
    await view_says(stage, customer_id, "REGISTERED")
    for path in (f"/customers/{customer_id}", f"/kakaos/{customer_id}.registered", f"/customerViews/{customer_id}"):
        answer = await stage.call("GET", path)
        stage.expect(answer.status == 200, f"found: {path.split('/')[1]}")


async def cancel(stage: Stage[Calls], customer_id: str) -> None:
    """Cancels a registration, and sees it gone, and CANCELED in the view."""
    answer = await stage.call("DELETE", f"/customers/{customer_id}")
    stage.expect(answer.status == 204, "cancelled: 204")
    answer = await stage.call("GET", f"/customers/{customer_id}")
    stage.expect(answer.status == 404, "the customer is gone: 404")
    await view_says(stage, customer_id, "CANCELED")


async def alerted(stage: Stage[Calls], customer_id: str) -> Answer:
    """Waits for the alert of the cancellation; returns it as the kakao service shows it."""

    async def is_there() -> bool:
        return (await stage.system.call("GET", f"/kakaos/{customer_id}.canceled")).status == 200

    await stage.eventually("the alert was sent", is_there)
    answer = await stage.call("GET", f"/kakaos/{customer_id}.canceled")
    stage.expect(answer.body["kind"] == "canceled", "the alert is on record")
    return answer


async def view_says(stage: Stage[Calls], customer_id: str, status: str) -> None:
    async def says() -> bool:
        answer = await stage.system.call("GET", f"/customerViews/{customer_id}")
        return answer.status == 200 and answer.body["status"] == status

    await stage.eventually(f"the view says {status}", says)
