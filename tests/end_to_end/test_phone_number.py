"""A customer's phone number, from the request to the alert that is sent after the customer is gone."""

import pytest

from shared.resources import CUSTOMERS, KAKAOS
from tools.play.local_system import LocalSystem
from tools.play.system import YEON

SHOWN, STORED = "010-2345-6789", "01023456789"


async def test_it_is_stored_in_digits_shown_with_hyphens_and_gone_after_cancelling(system: LocalSystem) -> None:
    response = await system.call("POST", "/customers", json={**YEON, "customerPhone": "+82 １０ 2345.6789"})
    assert (response.status, response.body["customerPhone"]) == (201, SHOWN)
    customer_id = response.body["id"]
    await system.wait_for_view(customer_id, "REGISTERED")
    paths = [f"/customers/{customer_id}", f"/kakaos/{customer_id}.registered", f"/customerViews/{customer_id}"]
    for path in paths:
        assert (await system.call("GET", path)).body["customerPhone"] == SHOWN
    stored = await system.stored_everywhere(customer_id)
    assert {document["customerPhone"] for document in stored[KAKAOS]} == {STORED}
    assert {document.get("event", {}).get("data", document)["customerPhone"] for document in stored[CUSTOMERS]} == {
        STORED
    }

    await system.call("DELETE", f"/customers/{customer_id}")

    await system.wait_for_alert(customer_id)
    await system.wait_for_view(customer_id, "CANCELED")
    for path in (*paths[1:], f"/kakaos/{customer_id}.canceled"):
        assert "customerPhone" not in (await system.call("GET", path)).body


@pytest.mark.parametrize("text", ["032-345-6789", "011-234-5678", "010-2345-678", "+1 212 555 0100", "secret", ""])
async def test_another_number_is_422_with_a_reason(system: LocalSystem, text: str) -> None:
    response = await system.call("POST", "/customers", json={**YEON, "customerPhone": text})

    assert response.status == 422
    [error] = response.body["errors"]
    assert (error["field"], error["reason"][:4]) == ("customerPhone", "must")
    assert not text or text not in response.text
