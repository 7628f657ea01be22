"""Each app and the gateway restart under load: no call fails, and what was acknowledged is stored exactly once."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from shared.resources import CUSTOMER_VIEWS, CUSTOMERS, KAKAOS
from tools.play.apps import COLLECTIONS
from tools.play.local_system import LocalSystem
from tools.play.system import YEON
from tools.play.waiting import wait_until

USERS = 4
SECONDS_BEFORE_RESTART = 0.5


@dataclass
class Users:
    """Register, cancel every other customer, and look up, until `over`. `failed`: how many answers were no success."""

    system: LocalSystem
    registered: set[str] = field(default_factory=set)
    canceled: set[str] = field(default_factory=set)
    failed: Counter[str] = field(default_factory=Counter)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    async def use(self) -> None:
        while not self.over.is_set():
            response = await self.system.call("POST", "/customers", json=YEON)
            if response.status != 201:
                self.failed[f"POST {response.status}"] += 1
                continue
            customer_id = response.body["id"]
            self.registered.add(customer_id)
            if len(self.registered) % 2:
                response = await self.system.call("DELETE", f"/customers/{customer_id}")
                if response.status == 204:
                    self.canceled.add(customer_id)
                else:
                    self.failed[f"DELETE {response.status}"] += 1
            response = await self.system.call("GET", "/customerViews")
            if response.status != 200:
                self.failed[f"GET {response.status}"] += 1


async def test_no_call_fails_while_each_app_and_the_gateway_restarts(system: LocalSystem) -> None:
    users = Users(system)
    using = [asyncio.create_task(users.use()) for _ in range(USERS)]
    for service in (*COLLECTIONS, "gateway"):
        await asyncio.sleep(SECONDS_BEFORE_RESTART)
        await asyncio.to_thread(system.stack.restart_service, service)
    users.over.set()
    await asyncio.gather(*using)

    assert users.failed == {}
    assert users.canceled
    await wait_until(lambda: complete(users), "every view and message is there")
    assert await messages_of(users) == expected_messages(users)
    assert await ids(system, CUSTOMERS, "customer", users.registered) == users.registered - users.canceled


async def complete(users: Users) -> bool:
    views = await users.system.query(CUSTOMER_VIEWS, "SELECT c.id, c.status FROM c")
    shown = {view["id"]: view["status"] for view in views if view["id"] in users.registered}
    expected = {each: "CANCELED" if each in users.canceled else "REGISTERED" for each in users.registered}
    return shown == expected and await messages_of(users) == expected_messages(users)


def expected_messages(users: Users) -> Counter[str]:
    registered = (f"{each}.registered" for each in users.registered)
    return Counter([*registered, *(f"{each}.canceled" for each in users.canceled)])


async def messages_of(users: Users) -> Counter[str]:
    messages = await users.system.query(KAKAOS, "SELECT c.id, c.customerId FROM c WHERE c.type = 'message'")
    return Counter(message["id"] for message in messages if message["customerId"] in users.registered)


async def ids(system: LocalSystem, container: str, kind: str, among: set[str]) -> set[str]:
    found = await system.query(container, "SELECT VALUE c.customerId FROM c WHERE c.type = @kind", kind=kind)
    return among & set(found)
