"""Who may call what with ACCESS=customers: every function, and every kind of caller, in one table.

What is refused has no effect: no store was read, nobody was told, and no log has anything of the token.
"""

import hashlib
import hmac
import json
import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from functions import openapi, unmatched
from shared.domain.consent import REQUIRED_ITEMS, Consent
from shared.http.openapi import document
from tests.unit.adapters.signing import (
    CUSTOMER_KEY,
    NEW_CUSTOMER_KEY,
    OBJECT_ID,
    OPERATORS,
    RSA_STRANGER,
    SESSIONS,
    STRANGER,
    claims,
    customer_token,
    encoded,
    operator_token,
    unsigned,
)
from tests.unit.fakes import START
from tests.unit.functions.world import (
    CUSTOMER_APP,
    ENVIRONMENT,
    OPEN_BUT_KNOWN,
    OTHERS_ID,
    OWN,
    OWN_ID,
    WITHOUT_KEYS,
    World,
    bearer,
    forget_settings,
)

POLICY: Final = {"get-privacy-policy", "get-privacy-policy-version"}
PUBLIC: Final = {"health", "openapi", "get-sandbox", "change-sandbox", *POLICY, unmatched.NAME}
"""Whoever calls. The sandbox is there only where SANDBOX_CHANGEABLE says so, and never behind a gateway."""

DETAILS: Final = {"customerName": "yeon", "customerAddress": "incheon", "customerAge": 20}
SIGNED: Final = {**DETAILS, "consent": {"policyVersion": "2026-12-01", "items": ["collection"]}}


@dataclass(frozen=True)
class Call:
    """A function, and what a customer, an operator and the customer app are answered.

    `customer`: of a call about nobody else; `others`: of a call about another customer. `item`: how the ids of the
    things that it is about end, or None if it is about none.
    """

    function: str
    customer: int
    operator: int
    app: int = 401
    others: int | None = None
    item: str | None = None
    body: Mapping[str, Any] | None = None

    def parameters(self, customer_id: str) -> dict[str, str]:
        return {} if self.item is None else {"id": f"{customer_id}{self.item}"}


CALLS: Final = [
    Call("register-customer", 409, 403, body=SIGNED),
    Call("get-customer", 200, 200, others=404, item=""),
    Call("list-customers", 403, 200),
    Call("search-customers", 403, 200, body={"customerPhone": "010-1234-5678"}),
    Call("replace-customer", 200, 403, others=404, item="", body=DETAILS),
    Call("patch-customer", 200, 200, others=404, item="", body={"customerAddress": "seoul"}),
    Call("cancel-registration", 204, 204, others=404, item=""),
    Call("get-registration", 200, 200, others=404, item=""),
    # Both are customers by now: too late, but only for those who may know it.
    Call("withdraw-registration", 409, 409, others=404, item=""),
    Call("send-kakao", 403, 403, app=201, body=DETAILS),
    Call("get-receipt", 403, 403, app=204, item=".registered"),
    Call("get-kakao", 403, 200, app=200, item=".registered"),
    Call("list-kakaos", 403, 200),
    Call("get-customer-view", 200, 200, others=404, item=""),
    Call("list-customer-views", 403, 200),
    Call("list-messages-of-customer", 403, 200, item=""),
    Call("get-own-registration", 200, 403),
    Call("get-own-data", 200, 403),
]


def _each(calls: Iterable[Call]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("call", list(calls), ids=lambda call: call.function)


every_call = _each(CALLS)

OPEN: Final = {
    "register-customer": [201, 201, 201],
    "cancel-registration": [204, 404, 404],
    "withdraw-registration": [409, 409, 409],
    "send-kakao": [201, 201, 201],
    "get-receipt": [204, 204, 204],
    "search-customers": [404, 404, 404],
    "list-messages-of-customer": [404, 404, 404],
    "get-own-registration": [404, 404, 404],
    "get-own-data": [404, 404, 404],
}
"""What three calls in a row are answered with ACCESS=open, where it is not 200."""


def _signed_with_the_public_key() -> str:
    secret = CUSTOMER_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signed_part = unsigned({"alg": "HS256", "kid": "one"}, claims(SESSIONS))
    return f"{signed_part}.{encoded(hmac.digest(secret, signed_part.encode(), hashlib.sha256))}"


def _moved(seconds: int) -> dict[str, Any]:
    """Claims of a token that was made so many seconds from now."""
    made = int(time.time()) + seconds
    return {"iat": made, "nbf": made, "exp": made + 3600}


NOT_SIGNED_IN: Final[Mapping[str, Mapping[str, str]]] = {
    "nobody": {},
    "the header of the gateway itself": {"Authorization": f"Bearer {customer_token()}"},
    "other headers that a client can send": {
        "X-Forwarded-Authorization": f"Bearer {customer_token()}",
        "X-MS-CLIENT-PRINCIPAL": encoded(b'{"claims": [{"typ": "roles", "val": "Operator"}]}'),
        "X-MS-TOKEN-AAD-ACCESS-TOKEN": operator_token(),
        "X-Original-User": OWN.subject,
    },
    "a cookie": {"Cookie": f"AppServiceAuthSession={customer_token()}"},
}
NOT_ACCEPTED: Final[Mapping[str, Mapping[str, str]]] = {
    "an empty header": {"Ssak8-Authorization": ""},
    "a password": {"Ssak8-Authorization": "Basic eW9uOnNlY3JldA=="},
    "a token without its scheme": {"Ssak8-Authorization": customer_token()},
    "two tokens": {"Ssak8-Authorization": f"Bearer {customer_token()}, Bearer {operator_token()}"},
    "no token": bearer("a.b.c"),
    "expired": bearer(customer_token(**_moved(-7200))),
    "expired, of an operator": bearer(operator_token(**_moved(-7200))),
    "not yet valid": bearer(customer_token(**_moved(3600))),
    "not yet valid, of an operator": bearer(operator_token(**_moved(3600))),
    "for somebody else": bearer(customer_token(aud="another")),
    "for somebody else, of an operator": bearer(operator_token(aud=SESSIONS.audience)),
    "from another issuer": bearer(customer_token(iss="https://kauth.kakao.com")),
    "from another tenant": bearer(operator_token(iss=OPERATORS.issuer.replace("0f0e", "1f0e"))),
    "alg none": bearer(f"{unsigned({'alg': 'none', 'kid': 'one'}, claims(SESSIONS))}."),
    "HS256 with the public key": bearer(_signed_with_the_public_key()),
    "an unknown key": bearer(customer_token(STRANGER, kid="stranger")),
    "an unknown key, of an operator": bearer(operator_token(RSA_STRANGER, kid="stranger")),
    "the name of a known key": bearer(customer_token(STRANGER)),
    "the name of a known key, of an operator": bearer(operator_token(RSA_STRANGER)),
    "a key that has retired": bearer(customer_token(STRANGER, kid="zero")),
    "a customer's key for an operator": bearer(
        customer_token(iss=OPERATORS.issuer, aud=OPERATORS.audience, roles=["Operator"])
    ),
}
CUSTOMER: Final = bearer(customer_token())
OPERATOR: Final = bearer(operator_token())
ALLOWED: Final[Mapping[str, Mapping[str, str]]] = {
    "customer": CUSTOMER,
    "customer, by the next key": bearer(customer_token(NEW_CUSTOMER_KEY, kid="new")),
    # Behind the gateway every call has the gateway's identity too.
    "customer, through the gateway": {**CUSTOMER, "X-MS-CLIENT-PRINCIPAL-ID": OBJECT_ID},
    "customer who claims to be an operator": bearer(customer_token(roles=["Operator"], oid=OBJECT_ID)),
}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    yield World(monkeypatch)
    monkeypatch.undo()
    forget_settings()


def test_every_function_is_in_the_table_or_public(world: World) -> None:
    assert world.functions.keys() == {call.function for call in CALLS} | PUBLIC


@every_call
@pytest.mark.parametrize("prefer", [{}, {"Prefer": "respond-async"}], ids=["", "async"])
async def test_whoever_is_not_signed_in_is_asked_to_and_nothing_happens(
    world: World, caplog: pytest.LogCaptureFixture, call: Call, prefer: dict[str, str]
) -> None:
    caplog.set_level(logging.DEBUG)
    for kinds, challenge in ((NOT_SIGNED_IN, "Bearer"), (NOT_ACCEPTED, 'Bearer error="invalid_token"')):
        for kind, headers in kinds.items():
            answer = await world.call(call.function, {**headers, **prefer}, call.parameters(OWN_ID), call.body)

            assert (answer.status_code, answer.headers.get("WWW-Authenticate")) == (401, challenge), kind
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.mimetype == "application/problem+json"
            said = answer.get_body().decode() + caplog.text
            assert not any(part in said for part in ("eyJ", OWN.subject, OBJECT_ID, OWN_ID)), kind
    assert world.used == []


@_each(call for call in CALLS if call.customer == 403)
@pytest.mark.parametrize("kind", ALLOWED)
async def test_what_is_not_for_customers_is_refused_and_nothing_happens(
    world: World, caplog: pytest.LogCaptureFixture, call: Call, kind: str
) -> None:
    caplog.set_level(logging.DEBUG)

    answer = await world.call(call.function, ALLOWED[kind], call.parameters(OWN_ID), call.body)

    _check_forbidden(answer.status_code, answer.headers, world)
    assert OWN.subject not in caplog.text


@_each(call for call in CALLS if call.operator == 403)
async def test_what_is_not_for_operators_is_refused_and_nothing_happens(world: World, call: Call) -> None:
    answer = await world.call(call.function, OPERATOR, call.parameters(OWN_ID), call.body)

    _check_forbidden(answer.status_code, answer.headers, world)


@every_call
async def test_who_is_known_to_entra_id_and_has_not_the_role_may_do_nothing(world: World, call: Call) -> None:
    for roles in ([], ["Reader"], None):
        token = bearer(operator_token(roles=roles))

        answer = await world.call(call.function, token, call.parameters(OWN_ID), call.body)

        _check_forbidden(answer.status_code, answer.headers, world)


@every_call
async def test_another_app_may_do_nothing(world: World, call: Call) -> None:
    gateway = {"X-MS-CLIENT-PRINCIPAL-ID": OBJECT_ID}

    answer = await world.call(call.function, gateway, call.parameters(OWN_ID), call.body)

    # For the apps alone, another one is known, and refused. Elsewhere it is the gateway with a call of nobody.
    is_for_the_app = call.function in ("send-kakao", "get-receipt")
    assert answer.status_code == (403 if is_for_the_app else 401)
    assert "WWW-Authenticate" in answer.headers
    assert world.used == []


def _check_forbidden(status: int, headers: Mapping[str, str], world: World) -> None:
    assert (status, headers["WWW-Authenticate"]) == (403, 'Bearer error="insufficient_scope"')
    assert world.used == []


@every_call
@pytest.mark.parametrize("kind", ALLOWED)
async def test_a_customer_gets_what_is_their_own(world: World, call: Call, kind: str) -> None:
    await world.open_stores()

    answer = await world.call(call.function, ALLOWED[kind], call.parameters(OWN_ID), call.body)

    assert answer.status_code == call.customer
    is_whole = call.function == "get-own-data"
    assert (b"1376016924" in answer.get_body()) == is_whole
    assert (b'"owner"' in answer.get_body()) == is_whole


@_each(call for call in CALLS if call.others)
async def test_what_belongs_to_others_does_not_exist(world: World, call: Call) -> None:
    await world.open_stores()
    before = dict(world.stores.customers.customers)
    nobody = "0189ee3e-0000-7000-8000-000000000009"

    others = await world.call(call.function, CUSTOMER, call.parameters(OTHERS_ID), call.body)
    missing = await world.call(call.function, CUSTOMER, call.parameters(nobody), call.body)

    assert (others.status_code, others.get_body()) == (call.others, missing.get_body())
    assert dict(others.headers) == dict(missing.headers)
    assert (world.stores.customers.customers, world.stores.customers.outbox) == (before, [])


@every_call
async def test_an_operator_gets_what_is_anybodys(world: World, call: Call) -> None:
    await world.open_stores()

    answer = await world.call(call.function, OPERATOR, call.parameters(OTHERS_ID), call.body)

    assert answer.status_code == call.operator
    assert b'"owner"' not in answer.get_body()


@every_call
async def test_the_app_of_the_customer_service_gets_what_it_needs(world: World, call: Call) -> None:
    await world.open_stores()

    answer = await world.call(
        call.function, {"X-MS-CLIENT-PRINCIPAL-ID": CUSTOMER_APP}, call.parameters(OWN_ID), call.body
    )

    assert answer.status_code == call.app


async def test_a_token_takes_nothing_from_the_app_that_the_platform_knows(world: World) -> None:
    await world.open_stores()
    both = {**CUSTOMER, "X-MS-CLIENT-PRINCIPAL-ID": CUSTOMER_APP}

    assert (await world.call("send-kakao", both, body=DETAILS)).status_code == 201


@every_call
async def test_with_open_access_and_without_keys_nobody_is_asked(monkeypatch: pytest.MonkeyPatch, call: Call) -> None:
    world = World(monkeypatch, WITHOUT_KEYS)
    await world.open_stores()
    expired = bearer(customer_token(**_moved(-7200)))

    answers = [
        await world.call(call.function, headers, call.parameters(OTHERS_ID), call.body)
        for headers in ({}, expired, {"Ssak8-Authorization": "anything"})
    ]

    # What is cancelled twice is no longer there, and nothing is known to be anybody's own.
    expected = OPEN.get(call.function, [200, 200, 200])
    assert [answer.status_code for answer in answers] == expected


@pytest.mark.parametrize("function", sorted(PUBLIC - {"get-sandbox", "change-sandbox"}))
async def test_what_is_public_is_answered_to_anybody(world: World, function: str) -> None:
    for headers in ({}, bearer("a.b.c")):
        answer = await world.call(function, headers, {"path": "nothing", "version": "2026-12-01"})

        assert answer.status_code == (404 if function == unmatched.NAME else 200)
    assert world.used == []


def test_the_description_says_the_same_about_who_may_call() -> None:
    described = {
        operation["operationId"]: {scheme for option in operation["security"] for scheme in option}
        for path in document()["paths"].values()
        for method, operation in path.items()
        if method != "head"
    }
    # The receipts are not behind the gateway.
    expected = {call.function: _who(call) for call in CALLS if call.function != "get-receipt"}

    assert described == {**expected, **{name: set() for name in PUBLIC if name in described}}


def _who(call: Call) -> set[str]:
    allowed = {"customer": call.customer != 403, "operator": call.operator != 403}
    found = {scheme for scheme, is_allowed in allowed.items() if is_allowed}
    return found or {"customerApp"}


@pytest.mark.parametrize(
    ("environment", "is_open", "are_known"),
    [(WITHOUT_KEYS, True, False), (OPEN_BUT_KNOWN, True, True), (ENVIRONMENT, False, True)],
    ids=["without keys", "open", "customers"],
)
async def test_an_app_describes_itself_as_it_is(
    monkeypatch: pytest.MonkeyPatch, environment: Mapping[str, str], *, is_open: bool, are_known: bool
) -> None:
    openapi._document.cache_clear()
    world = World(monkeypatch, environment)

    described = json.loads((await world.call("openapi", {})).get_body())

    openapi._document.cache_clear()
    assert described == document(is_open=is_open, callers_are_known=are_known)


NEWCOMER: Final = bearer(customer_token(sub="1376016926"))


async def test_a_customer_registers_as_the_one_who_has_signed_in(world: World) -> None:
    await world.open_stores()

    answer = await world.call("register-customer", NEWCOMER, body=SIGNED)

    customer_id = json.loads(answer.get_body())["id"]
    assert answer.status_code == 201
    assert world.stores.customers.customers[customer_id].owner == "kakao:1376016926"
    assert world.stores.kakao.told == [customer_id]


@pytest.mark.parametrize("prefer", [{}, {"Prefer": "respond-async"}], ids=["", "async"])
async def test_who_has_a_registration_is_led_to_it_and_nobody_is_told(world: World, prefer: dict[str, str]) -> None:
    await world.open_stores()

    answer = await world.call("register-customer", {**CUSTOMER, **prefer}, body=SIGNED)

    assert answer.status_code == 409
    assert json.loads(answer.get_body())["type"] == "urn:ssak8:problem:already-registered"
    assert answer.headers["Link"] == f'<http://localhost/registrations/{OWN_ID}>; rel="registration"'
    assert world.stores.kakao.told == []


async def test_what_customers_consented_to_is_shown_to_them_only(world: World) -> None:
    await world.open_stores()
    consent = Consent.given("2026-12-01", REQUIRED_ITEMS, START)
    customers = world.stores.customers.customers
    customers[OWN_ID] = customers[OWN_ID].model_copy(update={"consent": consent})

    shown = [json.loads((await world.call("get-customer", CUSTOMER, {"id": OWN_ID})).get_body())]
    shown += [json.loads((await world.call("patch-customer", CUSTOMER, {"id": OWN_ID}, {})).get_body())]
    hidden = [await world.call("get-customer", OPERATOR, {"id": OWN_ID}), await world.call("list-customers", OPERATOR)]

    assert [body["consent"] for body in shown] == [consent.to_json_object()] * 2
    assert [list(body)[-1] for body in shown] == ["_links"] * 2
    assert not any(b"consent" in answer.get_body() for answer in hidden)


async def test_health_says_who_may_call(world: World) -> None:
    assert json.loads((await world.call("health", {})).get_body())["access"] == "customers"
