"""One customer, as the other apps show it to operators, and the browser of an operator."""

from typing import Any

from tests.unit.web.operators import Browser, FakeApps, answered

HONG = "0189ee3e-0000-7000-8000-000000000001"
MASKED: dict[str, Any] = {
    "id": HONG,
    "customerName": "홍*동",
    "customerPhone": "010-****-5678",
    "customerAddress": "인천광역시 남동구 ***",
    "customerAge": "20대",
    "registeredAt": "2026-11-26T00:03:00Z",
    "masked": True,
}
WHOLE = {**MASKED, "customerName": "홍<길>동", "customerPhone": "010-1234-5678", "customerAge": 27}
MESSAGES = {"kakaos": [{"kind": "registered", "status": "sandboxed", "sentAt": "2026-11-26T00:03:01Z", "receipt": "r"}]}
CUSTOMER, VIEW, REGISTRATION = f"GET /customers/{HONG}", f"GET /customerViews/{HONG}", f"GET /registrations/{HONG}"
MESSAGES_OF_HONG = f"GET /customerViews/{HONG}/messages"


async def browser_with_one_customer() -> Browser:
    """Of an operator who has signed in; there is one customer."""
    answers = {CUSTOMER: answered(**MASKED), MESSAGES_OF_HONG: answered(_embedded=MESSAGES)}
    return await Browser(FakeApps(answers)).signed_in()
