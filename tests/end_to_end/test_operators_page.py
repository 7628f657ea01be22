"""An operator with a browser: signs in at the stand-in for Entra ID, and helps a customer, on a whole system."""

import html
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from shared.resources import ACCESS_RECORDS
from stand_ins.entra.sign_in_page import ROLE
from tests.unit.stand_ins.browser import choose
from tools.play.people import CONSENTING, CustomersSystem
from tools.play.waiting import wait_until

# One worker of a parallel run starts the stack.
pytestmark = pytest.mark.xdist_group("customers_stack")

SECONDS = 30
HONG = {
    **CONSENTING,
    "customerName": "홍길동",
    "customerAddress": "인천광역시 남동구 구월동 12-3",
    "customerPhone": "010-8374-1188",
}


@dataclass
class Browser:
    """Keeps cookies, follows redirects, and has no scripts."""

    session: aiohttp.ClientSession
    origin: str

    async def get(self, path: str) -> tuple[int, str]:
        async with self.session.get(f"{self.origin}{path}") as response:
            return response.status, html.unescape(await response.text())

    async def post(self, path: str, **form: str) -> tuple[int, str]:
        url, headers = f"{self.origin}{path}", {"Origin": self.origin}
        async with self.session.post(url, data=form, headers=headers) as response:
            return response.status, html.unescape(await response.text())

    async def sign_in(self, person: str, *roles: str) -> tuple[int, str]:
        async with self.session.get(f"{self.origin}/operators/login", allow_redirects=False) as response:
            assert response.status == 302
            entra = response.headers["Location"]
        place, query = await choose(self.session, entra, person, *roles)
        assert place == f"{self.origin}/operators/login/callback"
        async with self.session.get(place, params=query) as response:
            return response.status, await response.text()


@asynccontextmanager
async def browser_of(system: CustomersSystem) -> AsyncIterator[Browser]:
    jar = aiohttp.CookieJar(unsafe=True)  # also of an IP address
    timeout = aiohttp.ClientTimeout(total=SECONDS)
    async with aiohttp.ClientSession(cookie_jar=jar, timeout=timeout) as session:
        yield Browser(session, system.stack.url("gateway"))


async def records(system: CustomersSystem, customer_id: str) -> list[tuple[Any, ...]]:
    found = await system.query(ACCESS_RECORDS, "SELECT * FROM c ORDER BY c.at")
    return [
        (each["action"], each["target"], each.get("reason"), each["address"])
        for each in found
        if customer_id in each["customerIds"]
    ]


async def test_an_operator_finds_sees_reveals_and_cancels(customers_system: CustomersSystem) -> None:
    customer = customers_system.newcomer()
    customer_id = await customer.register(HONG)
    page = f"/operators/customers/{customer_id}"

    async with browser_of(customers_system) as browser:
        assert "/operators/login" in (await browser.get("/operators"))[1]
        status, signed_in = await browser.sign_in("hana", ROLE)
        assert (status, "hana" in signed_in) == (200, True)

        _, found = await browser.post("/operators/search", query="01083741188")
        assert f'<a href="{page}">홍*동 (고객번호 끝자리 {customer_id[-12:]})</a>' in found
        assert "010-8374-1188" not in found

        async def messages_are_there() -> bool:
            return "등록 알림" in (await browser.get(page))[1]

        await wait_until(messages_are_there, "the page says what KakaoTalk said")
        _, masked = await browser.get(page)
        assert "홍길동" not in masked
        _, whole = await browser.post(page, reason="customer-request")
        assert all(text in whole for text in ("홍길동", "010-8374-1188", "구월동 12-3"))

        assert "되돌릴 수 없습니다" in (await browser.get(f"{page}/cancel"))[1]
        assert (await browser.post(f"{page}/cancel"))[0] == 200
        _, after = await browser.get(page)
        assert "취소됨" in after
        assert "홍*동" not in after

        async def is_gone() -> bool:
            return (await customer.call("GET", "/me/registration")).status == 404

        await wait_until(is_gone, "the customer's own view follows")

        recorded = await records(customers_system, customer_id)
        assert recorded[:1] == [("search", "customer", None, "127.0.0.1")]
        assert ("reveal", "customer", "customer-request", "127.0.0.1") in recorded
        assert ("cancel", "customer", None, "127.0.0.1") in recorded
        assert {action for action, *_ in recorded} == {"search", "read", "list", "reveal", "cancel"}

        await browser.post("/operators/logout")
        assert "/operators/login" in (await browser.get(page))[1]


async def test_whoever_lacks_the_role_sees_nobody(customers_system: CustomersSystem) -> None:
    customer_id = await customers_system.newcomer().register(CONSENTING)

    async with browser_of(customers_system) as browser:
        assert (await browser.sign_in("min"))[0] == 200
        status, text = await browser.get(f"/operators/customers/{customer_id}")

    assert status == 403
    assert "운영자 권한이 없습니다" in text
    assert await records(customers_system, customer_id) == []


async def test_a_customers_session_opens_no_page_of_operators(customers_system: CustomersSystem) -> None:
    customer_id = await customers_system.newcomer().register(CONSENTING)
    token = customers_system.keys.token("48120000001")

    async with browser_of(customers_system) as browser:
        for name in ("session", "operator"):
            browser.session.cookie_jar.update_cookies({name: token})
        _, text = await browser.get(f"/operators/customers/{customer_id}")

    assert "/operators/login" in text
    assert re.search(r"y\*\*n", text) is None


async def test_a_form_of_another_site_is_refused(customers_system: CustomersSystem) -> None:
    customer_id = await customers_system.newcomer().register(CONSENTING)

    async with browser_of(customers_system) as browser:
        await browser.sign_in("hana", ROLE)
        url = f"{browser.origin}/operators/customers/{customer_id}/cancel"
        async with browser.session.post(url, headers={"Origin": "http://elsewhere.example"}) as response:
            assert response.status == 403

    assert await records(customers_system, customer_id) == []
