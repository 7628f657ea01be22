"""As `make run` starts it: everybody may call everything, and whoever has signed in is known."""

import psutil
import pytest

from local_azure.stack import Stack
from shared.resources import ACCESS_RECORDS, CUSTOMERS
from shared.settings import Service
from tools.play.people import CONSENTING, CustomersSystem
from tools.play.system import YEON
from tools.play.waiting import wait_until

# One worker of a parallel run starts the stack.
pytestmark = pytest.mark.xdist_group("open_stack")

SUBJECT = "53800000{}"
PRIVATE = ("SESSION_PRIVATE_KEY", "COOKIE_KEY")


async def test_a_customer_owns_what_they_register_and_anybody_does_as_before(open_system: CustomersSystem) -> None:
    me, other = (open_system.customer(SUBJECT.format(number)) for number in (1, 2))

    own = await me.register()
    anybodys = await open_system.register(YEON)

    assert (await me.call("POST", "/customers", json=CONSENTING)).status == 409
    assert (await other.call("GET", f"/customers/{own}")).status == 404
    assert (await other.call("GET", f"/customers/{anybodys}")).status == 404
    seen = [(await open_system.call("GET", f"/customers/{each}")).body for each in (own, anybodys)]
    assert [each["customerName"] for each in seen] == ["yeon", "yeon"]
    assert not any({"owner", "consent"} & each.keys() for each in seen)
    [stored] = [each for each in await open_system.stored(CUSTOMERS, own) if each["type"] == "customer"]
    assert (stored["owner"], stored["consent"]["policyVersion"]) == (
        f"kakao:{SUBJECT.format(1)}",
        CONSENTING["consent"]["policyVersion"],  # type: ignore[index]
    )

    async def is_shown() -> bool:
        registration = await me.call("GET", "/me/registration")
        return registration.body["id"] == own and bool(registration.body["messages"])

    await wait_until(is_shown, "my registration says what KakaoTalk said")
    assert (await me.call("GET", "/me/data")).body["owner"] == f"kakao:{SUBJECT.format(1)}"
    assert (await open_system.call("GET", "/me/registration")).status == 404


async def test_anybody_may_cancel_for_a_customer_who_may_register_anew(open_system: CustomersSystem) -> None:
    me = open_system.customer(SUBJECT.format(3))
    first = await me.register()

    await open_system.cancel(first)

    assert await me.register() != first


async def test_what_an_operator_sees_is_masked_and_recorded(open_system: CustomersSystem) -> None:
    operator = await open_system.operator("hana")
    customer_id = await open_system.customer(SUBJECT.format(4)).register()

    seen = await operator.call("GET", f"/customers/{customer_id}")

    assert (seen.status, seen.body["customerName"], seen.body["masked"]) == (200, "y**n", True)
    records = await open_system.query(ACCESS_RECORDS, "SELECT VALUE c.customerIds FROM c")
    assert [customer_id] in records


async def test_a_token_that_is_not_accepted_is_refused(open_system: CustomersSystem) -> None:
    for header in ("Bearer a.b.c", "bearer "):
        answer = await open_system.call("GET", "/customers", headers={"Authorization": header})
        assert answer.status == 401, header
    assert (await open_system.call("GET", "/customers", headers={"Authorization": "Basic eDp5"})).status == 200


async def test_the_gateway_leads_to_my_page(open_system: CustomersSystem) -> None:
    start, missing = await open_system.call("GET", "/"), await open_system.call("GET", "/nothing")

    assert (start.status, start.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "<h1" in start.text
    assert missing.status == 404
    for accept, media_type in (("text/html", "text/html"), ("*/*", "text/markdown")):
        policy = await open_system.call("GET", "/privacy", headers={"Accept": accept})
        assert (policy.status, policy.headers["Content-Type"].partition(";")[0]) == (200, media_type)
    login = await open_system.call("GET", "/login", allow_redirects=False)
    assert login.headers["Location"].startswith(open_system.stack.url("kakao_login"))


def test_only_my_page_has_the_private_keys(open_stack: Stack) -> None:
    # Nothing waits for Azurite, which may still be starting.
    running = {each.name: each.pid for each in open_stack.status() if each.pid is not None}
    have = {name for name, pid in running.items() if set(PRIVATE) & psutil.Process(pid).environ().keys()}

    assert have == {Service.WEB}
