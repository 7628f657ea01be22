"""The running system as its tests see it."""

from collections.abc import Awaitable, Callable, Mapping

from tools.play.calls import seconds_until
from tools.play.system import System

YEON: Mapping[str, object] = {"customerName": "yeon", "customerAddress": "incheon", "customerAge": "20"}


class House(System):
    """A system, and what tests often want of it."""

    async def register(self, details: Mapping[str, object] = YEON) -> str:
        """Registers a customer; returns the id."""
        answer = await self.call("POST", "/customers", json=details)
        assert answer.status == 201, answer
        return str(answer.body["id"])

    async def view_says(self, customer_id: str, status: str, seconds: float = 20) -> None:
        async def says() -> bool:
            answer = await self.call("GET", f"/customerViews/{customer_id}")
            return answer.status == 200 and answer.body["status"] == status

        await eventually(says, f"the view of {customer_id} says {status}", seconds)

    async def alerted(self, customer_id: str, seconds: float = 20) -> None:
        async def is_there() -> bool:
            return (await self.call("GET", f"/kakaos/{customer_id}.canceled")).status == 200

        await eventually(is_there, f"{customer_id} was alerted", seconds)


async def eventually(holds: Callable[[], Awaitable[bool]], what: str, seconds: float = 20) -> None:
    """Waits until it holds. Raises AssertionError after `seconds`."""
    try:
        await seconds_until(holds, seconds)
    except TimeoutError:
        raise AssertionError(f"not within {seconds} s: {what}") from None
