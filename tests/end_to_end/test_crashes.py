"""After kill -9 of any service at any time, nothing acknowledged is lost, and every flow completes."""

import asyncio
import random
from dataclasses import dataclass, field
from functools import partial

import aiohttp
import pytest

from shared.resources import CUSTOMER_VIEWS, CUSTOMERS, KAKAOS
from tools.play.local_system import LocalSystem
from tools.play.system import YEON
from tools.play.waiting import wait_until

SERVICES = ["customer", "kakao", "customerview", "service_bus", "cosmos", "gateway"]
WORKERS = 4
SECONDS_BETWEEN_KILLS = 0.5  # while some flows are still under way
# A message that was being handled when its receiver died stays locked for a minute. Twice that, and some slack.
COMPLETION_SECONDS = 135


@dataclass
class Traffic:
    """Registers customers and cancels every other one; remembers what was acknowledged.

    `unsure`: the customers whose cancellation was not acknowledged.
    """

    system: LocalSystem
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
        response = await self.system.call("POST", "/customers", json=YEON)
        if response.status != 201:
            await asyncio.sleep(0.05)
            return
        customer_id = response.body["id"]
        self.registered.add(customer_id)
        if len(self.registered) % 2:
            self.unsure.add(customer_id)
            response = await self.system.call("DELETE", f"/customers/{customer_id}")
            if response.status == 204:
                self.unsure.discard(customer_id)
                self.canceled.add(customer_id)


@pytest.mark.timeout(480)
async def test_nothing_acknowledged_is_lost_whatever_is_killed(system: LocalSystem) -> None:
    traffic = Traffic(system)
    workers = [asyncio.create_task(traffic.work()) for _ in range(WORKERS)]
    for service in random.sample(SERVICES, len(SERVICES)):
        await asyncio.sleep(SECONDS_BETWEEN_KILLS)
        killed = system.stack.kill(service)
        await wait_until(partial(runs_again, system, service, killed), f"{service} runs again")
    traffic.stop.set()
    await asyncio.gather(*workers)

    assert len(traffic.canceled) > 5
    await wait_until(lambda: complete(traffic), "every flow is complete", COMPLETION_SECONDS)
    for customer_id in traffic.canceled:
        kinds = sorted(message["kind"] for message in await system.stored(KAKAOS, customer_id))
        assert kinds == ["canceled", "registered"]
        events = [d["event"]["type"] for d in await system.stored(CUSTOMERS, customer_id) if d["type"] == "event"]
        assert sorted(events) == ["CustomerRegisterCanceled", "CustomerRegistered"]


async def runs_again(system: LocalSystem, service: str, killed: int) -> bool:
    status = {status.name: status for status in await asyncio.to_thread(system.stack.status)}[service]
    return status.pid not in (None, killed) and status.state == "running"


async def complete(traffic: Traffic) -> bool:
    """Whether every acknowledged registration and cancellation has reached its view and alert."""
    views = await traffic.system.query(CUSTOMER_VIEWS, "SELECT c.id, c.status FROM c")
    statuses = {view["id"]: view["status"] for view in views}
    alerts = set(await traffic.system.query(KAKAOS, "SELECT VALUE c.customerId FROM c WHERE c.kind = 'canceled'"))
    kept = traffic.registered - traffic.canceled - traffic.unsure
    return (
        all(statuses.get(customer_id) == "REGISTERED" for customer_id in kept)
        and all(statuses.get(customer_id) == "CANCELED" for customer_id in traffic.canceled)
        and traffic.canceled <= alerts
    )
