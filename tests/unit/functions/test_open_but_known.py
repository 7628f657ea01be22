"""ACCESS=open with keys for tokens: who shows one is known as with ACCESS=customers; to all others nothing changes."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import azure.functions as func
import pytest

from shared.domain.access_record import Action
from tests.unit.adapters.signing import OBJECT_ID, customer_token, operator_token
from tests.unit.functions.test_access import (
    ALLOWED,
    CALLS,
    CUSTOMER,
    DETAILS,
    NEWCOMER,
    NOT_ACCEPTED,
    NOT_SIGNED_IN,
    OPERATOR,
    SIGNED,
    Call,
)
from tests.unit.functions.world import (
    CUSTOMER_APP,
    ENVIRONMENT,
    OPEN_BUT_KNOWN,
    OTHERS_ID,
    OWN_ID,
    WITHOUT_KEYS,
    World,
    bearer,
    forget_settings,
)

FOR_THE_APP: Final = ("send-kakao", "get-receipt")
"""With open access everybody is as good as the customer app, and no token counts."""
TOKENS: Final = {
    kind: header for kind, header in NOT_ACCEPTED.items() if header.get("Ssak8-Authorization", "")[:7] == "Bearer "
}
OTHERS: Final = {**NOT_SIGNED_IN, **{kind: header for kind, header in NOT_ACCEPTED.items() if kind not in TOKENS}}

every_call = pytest.mark.parametrize("call", CALLS, ids=lambda call: call.function)
every_call_by_token = pytest.mark.parametrize(
    "call", [call for call in CALLS if call.function not in FOR_THE_APP], ids=lambda call: call.function
)


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    yield World(monkeypatch, OPEN_BUT_KNOWN)
    monkeypatch.undo()
    forget_settings()


async def answers(
    monkeypatch: pytest.MonkeyPatch, environment: Mapping[str, str], call: Call, headers: Mapping[str, str]
) -> list[tuple[int, dict[str, str], Any]]:
    """To the call about one customer, and then about the other."""
    with monkeypatch.context() as patched:
        for name in OPEN_BUT_KNOWN:
            patched.delenv(name, raising=False)
        world = World(patched, environment)
        await world.open_stores()
        found = [
            await world.call(call.function, headers, call.parameters(customer_id), call.body)
            for customer_id in (OWN_ID, OTHERS_ID)
        ]
    forget_settings()
    return [(answer.status_code, dict(answer.headers), _without_what_is_new(answer)) for answer in found]


def _without_what_is_new(answer: func.HttpResponse) -> str:
    """The body but for moments, and for what contains the id of somebody new."""
    body = json.loads(answer.get_body() or b"{}")
    for name in ("updatedAt", "collectedAt", "registeredAt", "sentAt", "id", "_links", "customerId", "receipt"):
        body.pop(name, None)
    return json.dumps(body)


@every_call_by_token
@pytest.mark.parametrize("caller", [*ALLOWED.values(), OPERATOR], ids=[*ALLOWED, "operator"])
async def test_who_shows_a_token_is_answered_as_where_everybody_needs_one(
    monkeypatch: pytest.MonkeyPatch, call: Call, caller: Mapping[str, str]
) -> None:
    known = await answers(monkeypatch, OPEN_BUT_KNOWN, call, caller)

    assert known == await answers(monkeypatch, ENVIRONMENT, call, caller)


@every_call
async def test_who_shows_none_is_answered_as_where_no_token_is_looked_at(
    monkeypatch: pytest.MonkeyPatch, call: Call
) -> None:
    expected = [each[::2] for each in await answers(monkeypatch, WITHOUT_KEYS, call, {})]

    for kind, headers in OTHERS.items():
        anybody = await answers(monkeypatch, OPEN_BUT_KNOWN, call, headers)

        assert [each[::2] for each in anybody] == expected, kind
        assert not any(name in body for _, _, body in anybody for name in ('"owner"', '"consent"', "kakao:"))


@every_call_by_token
async def test_a_token_that_is_not_accepted_is_refused_and_nothing_happens(known: World, call: Call) -> None:
    for kind, headers in TOKENS.items():
        answer = await known.call(call.function, headers, call.parameters(OWN_ID), call.body)

        challenge = answer.headers.get("WWW-Authenticate")
        assert (answer.status_code, challenge) == (401, 'Bearer error="invalid_token"'), kind
    assert known.used == []


@pytest.mark.parametrize("function", FOR_THE_APP)
@pytest.mark.parametrize("headers", [{}, CUSTOMER, OPERATOR, bearer("a.b.c"), {"X-MS-CLIENT-PRINCIPAL-ID": OBJECT_ID}])
async def test_what_is_for_the_app_is_open_to_all(known: World, function: str, headers: Mapping[str, str]) -> None:
    await known.open_stores()
    [call] = [call for call in CALLS if call.function == function]

    assert (await known.call(function, headers, call.parameters(OWN_ID), call.body)).status_code == call.app


async def test_the_customer_app_reads_a_message_as_anybody_does(known: World) -> None:
    await known.open_stores()

    answer = await known.call("get-kakao", {"X-MS-CLIENT-PRINCIPAL-ID": CUSTOMER_APP}, {"id": f"{OWN_ID}.registered"})

    assert json.loads(answer.get_body())["customerName"] == "yeon"


async def test_where_no_app_is_named_nobody_is_taken_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUSTOMER_APP_ID", raising=False)
    unnamed = {name: value for name, value in OPEN_BUT_KNOWN.items() if name != "CUSTOMER_APP_ID"}
    world = World(monkeypatch, unnamed)
    await world.open_stores()

    for headers, status in ((CUSTOMER, 403), (OPERATOR, 200), ({}, 200)):
        answer = await world.call("get-kakao", headers, {"id": f"{OWN_ID}.registered"})
        assert answer.status_code == status
    monkeypatch.undo()
    forget_settings()


async def test_who_registers_with_a_token_owns_the_registration_and_has_to_consent(known: World) -> None:
    await known.open_stores()

    refused = await known.call("register-customer", NEWCOMER, body=DETAILS)
    answer = await known.call("register-customer", NEWCOMER, body=SIGNED)
    again = await known.call("register-customer", NEWCOMER, body=SIGNED)

    assert (refused.status_code, answer.status_code, again.status_code) == (422, 201, 409)
    stored = known.stores.customers.customers[json.loads(answer.get_body())["id"]]
    assert stored.owner == "kakao:1376016926"
    assert stored.consent
    assert stored.consent.policy_version == "2026-12-01"


async def test_who_registers_without_a_token_owns_nothing_and_needs_no_consent(known: World) -> None:
    await known.open_stores()

    for body in (DETAILS, SIGNED, DETAILS):
        answer = await known.call("register-customer", {}, body=body)

        stored = known.stores.customers.customers[json.loads(answer.get_body())["id"]]
        assert (answer.status_code, stored.owner, stored.consent) == (201, None, None)


async def test_anybody_may_cancel_what_belongs_to_a_customer_who_may_then_register_anew(known: World) -> None:
    await known.open_stores()

    assert (await known.call("register-customer", CUSTOMER, body=SIGNED)).status_code == 409
    assert (await known.call("cancel-registration", {}, {"id": OWN_ID})).status_code == 204
    assert (await known.call("register-customer", CUSTOMER, body=SIGNED)).status_code == 201


async def test_anybody_may_correct_what_belongs_to_a_customer_and_it_stays_theirs(known: World) -> None:
    await known.open_stores()

    answer = await known.call("patch-customer", {}, {"id": OWN_ID}, {"customerAddress": "seoul"})

    assert answer.status_code == 200
    assert known.stores.customers.customers[OWN_ID].owner == "kakao:1376016924"


async def test_only_what_operators_see_is_masked_and_recorded(known: World) -> None:
    await known.open_stores()

    anybodys = json.loads((await known.call("list-customers", {})).get_body())["_embedded"]["customers"]
    assert known.stores.access_records.records == []
    operators = json.loads((await known.call("list-customers", OPERATOR)).get_body())["_embedded"]["customers"]

    assert ([each["customerName"] for each in anybodys], {each["customerName"] for each in operators}) == (
        ["yeon", "yeon"],
        {"y**n"},
    )
    assert [record.action for record in known.stores.access_records.records] == [Action.LIST]


async def test_the_scheme_of_a_token_is_in_any_case(known: World) -> None:
    await known.open_stores()
    token = customer_token()

    for header in (f"bearer {token}", f"BEARER  {token}"):
        answer = await known.call("get-own-registration", {"Ssak8-Authorization": header})
        assert answer.status_code == 200, header
    for header in ("Bearer", f" Bearer\t{token}", f"Bearer {operator_token()} {token}"):
        answer = await known.call("list-customers", {"Ssak8-Authorization": header})
        assert answer.status_code == 401, header
