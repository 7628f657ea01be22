"""Kill -9 of anything at any time: what was acknowledged is kept, and every flow completes."""

import asyncio
import random
from dataclasses import dataclass, field
from functools import partial

import aiohttp
import pytest

from shared.resources import CUSTOMER_VIEWS, CUSTOMERS, KAKAOS
from tests.end_to_end.house import YEON, House, eventually

SERVICES = ["customer", "kakao", "customerview", "service_bus", "cosmos", "gateway"]
WORKERS = 4
# A message that was being handled when its receiver died is locked for 30 s before it is delivered again.
COMPLETION_SECONDS = 75


@dataclass
class Traffic:
    """Registers customers and cancels every other one, remembering only what was acknowledged."""

    house: House
    registered: set[str] = field(default_factory=set)
    canceled: set[str] = field(default_factory=set)
    unsure: set[str] = field(default_factory=set)
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def work(self) -> None:
        while not self.stop.is_set():
            try:
                await self._register_and_perhaps_cancel()
            except (aiohttp.ClientError, TimeoutError):
                await asyncio.sleep(0.1)

    async def _register_and_perhaps_cancel(self) -> None:
        answer = await self.house.call("POST", "/customers", json=YEON)
        if answer.status != 201:
            await asyncio.sleep(0.05)
            return
        customer_id = answer.body["id"]
        self.registered.add(customer_id)
        if len(self.registered) % 2:
            self.unsure.add(customer_id)
            answer = await self.house.call("DELETE", f"/customers/{customer_id}")
            if answer.status == 204:
                self.unsure.discard(customer_id)
                self.canceled.add(customer_id)


@pytest.mark.timeout(240)
async def test_nothing_acknowledged_is_lost_whatever_is_killed(house: House) -> None:
    traffic = Traffic(house)
    workers = [asyncio.create_task(traffic.work()) for _ in range(WORKERS)]
    for service in random.sample(SERVICES, len(SERVICES)):
        await asyncio.sleep(0.5)
        killed = house.stack.kill(service)
        await eventually(partial(runs_again, house, service, killed), f"{service} runs again")
    traffic.stop.set()
    await asyncio.gather(*workers)

    assert len(traffic.canceled) > 5
    await eventually(lambda: complete(traffic), "every flow is complete", COMPLETION_SECONDS)
    for customer_id in traffic.canceled:
        kinds = sorted(message["kind"] for message in await house.stored(KAKAOS, customer_id))
        assert kinds == ["canceled", "registered"]
        events = [d["event"]["type"] for d in await house.stored(CUSTOMERS, customer_id) if d["type"] == "event"]
        assert sorted(events) == ["CustomerRegisterCanceled", "CustomerRegistered"]


async def runs_again(house: House, service: str, killed: int) -> bool:
    status = {status.name: status for status in await asyncio.to_thread(house.stack.status)}[service]
    return status.pid not in (None, killed) and status.state == "running"


async def complete(traffic: Traffic) -> bool:
    """Whether every acknowledged registration and cancellation has arrived in view and alerts."""
    views = await traffic.house.query(CUSTOMER_VIEWS, "SELECT c.id, c.status FROM c")
    statuses = {view["id"]: view["status"] for view in views}
    alerts = set(await traffic.house.query(KAKAOS, "SELECT VALUE c.customerId FROM c WHERE c.kind = 'canceled'"))
    kept = traffic.registered - traffic.canceled - traffic.unsure
    return (
        all(statuses.get(customer_id) == "REGISTERED" for customer_id in kept)
        and all(statuses.get(customer_id) == "CANCELED" for customer_id in traffic.canceled)
        and traffic.canceled <= alerts
    )
