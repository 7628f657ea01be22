"""The part of the smoke test for a system whose customers sign in (ACCESS=customers)."""

from collections.abc import Mapping
from typing import Any

from shared.domain.consent import REQUIRED_ITEMS
from shared.settings import Access
from tools.play.narrator import Narrator, StepFailed
from tools.play.probe import NOBODY
from tools.play.system import System
from tools.play.waiting import wait_until

UNAUTHENTICATED = 401
UNPROCESSABLE = 422
FORBIDDEN = 403
CONFLICT = 409
LISTS = ("/customers", "/kakaos", "/customerViews")


async def access_of(system: System) -> Access:
    """Who may call, by what a registration without a token and without details is answered with.

    Raises StepFailed, aiohttp.ClientError and TimeoutError.
    """
    response = await system.call("POST", "/customers", json={})
    match response.status:
        case 401:
            return Access.CUSTOMERS
        case 422:
            return Access.OPEN
        case status:
            raise StepFailed(
                f"POST /customers without a token: {status}, expected {UNAUTHENTICATED} or {UNPROCESSABLE}"
            )


async def expect_sign_in[S: System](narrator: Narrator[S]) -> None:
    """Whoever has no token reads the privacy policy, and nothing else. Raises StepFailed."""
    narrator.step("Nobody reads or changes anything without a token", "로그인 없이는 아무것도 할 수 없다")
    for method, path in (("POST", "/customers"), *(("GET", each) for each in LISTS), ("GET", "/me/registration")):
        response = await narrator.call(method, path, {} if method == "POST" else None)
        narrator.expect(response.status == UNAUTHENTICATED, f"{method} {path}: {response.status}, expected 401")
        narrator.expect(
            "Bearer" in response.headers.get("WWW-Authenticate", ""), "WWW-Authenticate says how to sign in"
        )
    narrator.expect(bool(await policy_version(narrator)), "everybody reads the privacy policy")


async def policy_version[S: System](narrator: Narrator[S]) -> str:
    """The version of the privacy policy that is in effect. Raises StepFailed."""
    response = await narrator.system.call("GET", "/privacy")
    narrator.expect(response.status == 200, f"GET /privacy: {response.status}, expected 200")
    return response.headers["Content-Location"].rpartition("/")[2]


async def play[S: System](narrator: Narrator[S], customer: Narrator[S], details: Mapping[str, Any]) -> None:
    """A customer registers, sees only what is their own, and cancels. `customer`: makes their calls.

    Raises StepFailed, aiohttp.ClientError and TimeoutError.
    """
    narrator.step("A customer who has signed in registers", "로그인한 고객의 등록")
    consent = {"policyVersion": await policy_version(narrator), "items": sorted(REQUIRED_ITEMS)}
    response = await customer.call("POST", "/customers", {**details, "consent": consent})
    narrator.expect(response.status != CONFLICT, "the customer of the token is not registered yet: use another one")
    narrator.expect(response.status == 201, f"registered: {response.status}, expected 201")
    customer_id = str(response.body["id"])
    narrator.step("The customer finds their own registration, and nothing else", "본인의 등록 내역만 조회")
    waiting = customer.system.wait_for_view(customer_id, "REGISTERED", narrator.event_seconds)
    await narrator.expect_soon("the view says REGISTERED", waiting)
    for path in (f"/customers/{customer_id}", f"/customerViews/{customer_id}", "/me/registration", "/me/data"):
        response = await customer.system.call("GET", path)
        narrator.expect(response.status == 200, f"found: {path.removesuffix(customer_id)}")
    response = await customer.call("GET", f"/customers/{NOBODY}")
    narrator.expect(response.status == 404, "another id does not exist: 404")
    for path in LISTS:
        response = await customer.call("GET", path)
        narrator.expect(response.status == FORBIDDEN, f"{path} is for operators: {response.status}, expected 403")
    narrator.step("The customer cancels, and is forgotten", "등록 취소")
    response = await customer.call("DELETE", f"/customers/{customer_id}")
    narrator.expect(response.status == 204, "cancelled: 204")
    response = await customer.call("GET", f"/customers/{customer_id}")
    narrator.expect(response.status == 404, "the customer is gone: 404")

    async def shows_nothing() -> bool:
        return (await customer.system.call("GET", "/me/registration")).status == 404

    gone = wait_until(shows_nothing, "the customer has no registration any more", narrator.event_seconds)
    await narrator.expect_soon("the customer has no registration any more", gone)
