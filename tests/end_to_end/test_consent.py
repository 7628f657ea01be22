"""Where customers sign in, nobody is registered without consent, and it is kept as it was given."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.resources import CUSTOMERS
from tools.play.local_system import LocalSystem
from tools.play.people import CONSENT, CONSENTING, NEWEST_POLICY, CustomersSystem
from tools.play.system import YEON

SUBJECT = "52040000{}"
UNFORGED = timedelta(minutes=1)


async def test_version_items_and_time_are_stored_and_go_with_every_event(customers_system: CustomersSystem) -> None:
    me, operator = customers_system.customer(SUBJECT.format(1)), await customers_system.operator()

    customer_id = await me.register({**YEON, "consent": {**CONSENT, "at": "1999-01-01T00:00:00Z"}})
    await operator.wait_for_view(customer_id, "REGISTERED")
    for method, body in (("PUT", {**YEON, "customerAge": 21}), ("PATCH", {"customerAge": 22})):
        again = {**body, "consent": {"policyVersion": "1999-01-01", "items": []}}
        assert (await me.call(method, f"/customers/{customer_id}", json=again)).status == 200

    stored = await customers_system.stored(CUSTOMERS, customer_id)
    [customer] = [document for document in stored if document["id"] == customer_id]
    events = [document["event"]["data"] for document in stored if "event" in document]
    given = customer["consent"]
    assert (given["policyVersion"], given["items"]) == (NEWEST_POLICY, ["collection"])
    assert datetime.now(UTC) - datetime.fromisoformat(given["at"]) < UNFORGED
    assert len(events) == 3
    assert all(event["consent"] == given for event in events)
    assert (await me.call("GET", f"/customers/{customer_id}")).body["consent"] == given
    assert "consent" not in (await operator.call("GET", f"/customers/{customer_id}")).body


@pytest.mark.parametrize(
    ("consent", "field"),
    [
        (None, "consent"),
        ({}, "consent.policyVersion"),
        ({**CONSENT, "policyVersion": "2020-01-01"}, "consent.policyVersion"),
        ({**CONSENT, "items": []}, "consent.items"),
        ({**CONSENT, "items": ["collection", "collection"]}, "consent.items"),
        ({**CONSENT, "items": ["collection", "advertising"]}, "consent.items.1"),
    ],
)
async def test_without_consent_nothing_is_claimed_told_or_stored(
    customers_system: CustomersSystem, consent: Any, field: str
) -> None:
    me, before = customers_system.customer(SUBJECT.format(2)), await customers_system.count()

    refused = await me.call("POST", "/customers", json={**YEON, "consent": consent}, headers={"Idempotency-Key": "c"})

    assert refused.status == 422
    assert refused.body["errors"][0]["field"] == field
    if field == "consent.policyVersion" and consent:
        assert NEWEST_POLICY in refused.body["errors"][0]["reason"]
        assert "/privacy" in refused.body["errors"][0]["reason"]
    assert await customers_system.count() == before


async def test_who_repeats_a_key_with_a_newer_consent_gets_the_first_answer(customers_system: CustomersSystem) -> None:
    me, key = customers_system.customer(SUBJECT.format(3)), {"Idempotency-Key": "once"}

    first = await me.call("POST", "/customers", json=CONSENTING, headers=key)
    again = await me.call("POST", "/customers", json=CONSENTING, headers=key)

    assert (first.status, again.status) == (201, 201)
    assert first.body["consent"] == again.body["consent"]


async def test_in_open_access_consent_is_not_looked_at(system: LocalSystem) -> None:
    response = await system.call("POST", "/customers", json={**YEON, "consent": 7})

    assert response.status == 201
    [customer, _] = await system.stored(CUSTOMERS, response.body["id"])
    assert "consent" not in customer
