"""Who may call what with ACCESS=customers, on a whole system: each call, and each kind of caller, in one table.

The signed tokens are those of the command and of the stand-in. What nobody should believe is made here.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
import jwt
import pytest

from tools import sessions
from tools.access.entra import operator_token
from tools.access.session_keys import SIGNING
from tools.play.access_table import CALLERS, CALLS, PUBLIC, Call
from tools.play.people import CONSENT, CONSENTING, CustomersSystem
from tools.play.system import System

DAY: Final = 24 * 60 * 60


@dataclass(frozen=True)
class Person:
    """A registered customer. `subject`: the number at kakao."""

    subject: str
    customer_id: str


@dataclass(frozen=True)
class People:
    own: Person
    another: Person
    third: Person


@pytest.fixture
async def people(customers_system: CustomersSystem) -> AsyncIterator[People]:
    """Three customers with their views; in the end none is left."""

    async def person() -> Person:
        subject = str(uuid.uuid4())
        customer = customers_system.customer(subject)
        customer_id = await customer.register(CONSENTING)
        await customer.wait_for_view(customer_id, "REGISTERED")
        return Person(subject, customer_id)

    registered = [await person() for _ in range(3)]
    yield People(*registered)
    for each in registered:
        await customers_system.customer(each.subject).call("DELETE", f"/customers/{each.customer_id}")


async def status(system: System, customer_id: str, call: Call) -> int:
    body = None if call.body is None else {**call.body}
    response = await system.call(call.method, call.path.replace("{id}", customer_id), json=body)
    assert response.status not in (401, 403) or "WWW-Authenticate" in response.headers
    return response.status


def shown(rows: Mapping[str, Mapping[str, int]]) -> str:
    """The table, for people."""
    callers = list(rows)
    width = max(len(str(call)) for call in CALLS)
    lines = [" " * width + "".join(f"  {caller:>16}" for caller in callers)]
    for call in CALLS:
        lines.append(f"{call!s:<{width}}" + "".join(f"  {rows[caller][str(call)]:>16}" for caller in callers))
    return "\n".join(lines)


async def test_each_caller_is_answered_as_the_table_says(customers_system: CustomersSystem, people: People) -> None:
    targets: Mapping[str, tuple[System, str]] = {
        "nobody": (customers_system, people.own.customer_id),
        "no role": (await customers_system.operator("mina", roles=()), people.own.customer_id),
        "another customer": (customers_system.customer(people.another.subject), people.own.customer_id),
        "an operator": (await customers_system.operator(), people.third.customer_id),
        "the customer": (customers_system.customer(people.own.subject), people.own.customer_id),
    }

    answers = {caller: {str(call): await status(*targets[caller], call) for call in CALLS} for caller in CALLERS}

    print(f"\n{shown(answers)}")  # noqa: T201 `pytest -s` shows the table
    expected = {caller: {str(call): call.expected[column] for call in CALLS} for column, caller in enumerate(CALLERS)}
    assert answers == expected, f"\n{shown(answers)}\ninstead of\n{shown(expected)}"


def unbelievable(system: CustomersSystem, people: People, operator: str) -> dict[str, dict[str, str]]:
    """Headers of a client by which nobody must be recognised."""
    own = system.keys.token(people.own.subject)
    claims = jwt.decode(own, options={"verify_signature": False})
    key = sessions.read(system.keys.settings.parent / SIGNING)

    def signed(**changes: object) -> str:
        return jwt.encode({**claims, **changes}, key.key, "ES256", headers={"kid": key.kid})

    def made_up(algorithm: str, kid: str) -> str:
        secret: Any = None if algorithm == "none" else "k" * 32
        return jwt.encode(claims, secret, algorithm, headers={"kid": kid})

    head, _, signature = own.split(".")
    payload_of_another = system.keys.token(people.another.subject).split(".")[1]
    tokens = {
        "changed": f"{head}.{payload_of_another}.{signature}",
        "expired": signed(iat=claims["iat"] - DAY, nbf=claims["nbf"] - DAY, exp=claims["exp"] - DAY),
        "not yet valid": signed(iat=claims["iat"] + DAY, nbf=claims["nbf"] + DAY, exp=claims["exp"] + DAY),
        "for somebody else": signed(aud="another"),
        "from another issuer": signed(iss="https://kauth.kakao.com"),
        "alg none": made_up("none", key.kid),
        "HS256": made_up("HS256", key.kid),
        "an unknown key": made_up("HS256", "unknown"),
        "a changed operator": f"{operator[:-8]}AAAAAAAA",
        "no token": "a.b.c",
    }
    return {kind: {"Authorization": f"Bearer {token}"} for kind, token in tokens.items()} | {
        # What the gateway and the platform say, said by a client.
        "the gateway's header": {"Ssak8-Authorization": f"Bearer {own}"},
        "the gateway's header, of an operator": {"ssak8-authorization": f"Bearer {operator}"},
        "the platform's header": {"X-MS-CLIENT-PRINCIPAL-ID": "00000000-0000-4000-8000-000000000000"},
        "a password": {"Authorization": "Basic eW9uOnNlY3JldA=="},
    }


async def test_what_nobody_believes_is_refused_everywhere_and_changes_nothing(
    customers_system: CustomersSystem, people: People
) -> None:
    operator = await asyncio.to_thread(operator_token, customers_system.stack)
    before = await customers_system.count(), await customers_system.stored_everywhere(people.own.customer_id)

    for kind, headers in unbelievable(customers_system, people, operator).items():
        for call in (call for call in CALLS if call.expected != PUBLIC):
            path = call.path.replace("{id}", people.own.customer_id)

            response = await customers_system.call(call.method, path, json=call.body, headers=headers)

            assert response.status == 401, f"{kind}: {call}"
            assert response.headers["WWW-Authenticate"].startswith("Bearer")
            assert not any(said in response.text for said in ("eyJ", people.own.subject))

    assert (await customers_system.count(), await customers_system.stored_everywhere(people.own.customer_id)) == before


async def test_of_two_tokens_none_counts(customers_system: CustomersSystem, people: People) -> None:
    tokens = customers_system.keys.tokens([people.own.subject, people.another.subject])
    url = customers_system.url(f"/customers/{people.own.customer_id}")

    async with (
        aiohttp.ClientSession() as http,
        http.get(url, headers=[("Authorization", f"Bearer {token}") for token in tokens]) as response,
    ):
        assert response.status == 401


async def test_a_customer_downloads_everything_and_nothing_of_others(
    customers_system: CustomersSystem, people: People
) -> None:
    own = customers_system.customer(people.own.subject)
    await own.call("PATCH", f"/customers/{people.own.customer_id}", json={"customerAddress": "seoul"})

    response = await own.call("GET", "/me/data")

    assert response.headers["Content-Disposition"] == 'attachment; filename="ssak8-data.json"'
    assert response.headers["Content-Type"].startswith("application/json")
    assert response.headers["Cache-Control"] == "no-store"
    kinds = [(each["container"], each["kind"]) for each in response.body["documents"]]
    assert sorted(set(kinds)) == [
        ("customerViews", "view"),
        ("customers", "claim"),
        ("customers", "customer"),
        ("customers", "event"),
        ("kakaos", "message"),
    ]
    assert kinds.count(("customers", "event")) == 2
    [customer] = [each["content"] for each in response.body["documents"] if each["kind"] == "customer"]
    assert customer["consent"]["policyVersion"] == CONSENT["policyVersion"]
    assert customer["owner"] == response.body["owner"] == f"kakao:{people.own.subject}"
    others = (people.another, people.third)
    assert not any(text in response.text for other in others for text in (other.subject, other.customer_id))


async def test_a_customer_finds_the_registration_at_each_moment(customers_system: CustomersSystem) -> None:
    customer = customers_system.newcomer()
    assert (await customer.call("GET", "/me/registration")).status == 404

    customer_id = await customer.register(CONSENTING)
    at_once = await customer.call("GET", "/me/registration")
    await customer.wait_for_view(customer_id, "REGISTERED")
    later = await customer.call("GET", "/me/registration")
    await customer.cancel(customer_id)
    await (await customers_system.operator()).wait_for_view(customer_id, "CANCELED")

    for answer in (at_once, later):
        assert (answer.status, answer.body["id"], answer.body["status"]) == (200, customer_id, "REGISTERED")
        assert [(each["kind"], each["status"]) for each in answer.body["messages"]] == [("registered", "sandboxed")]
    assert at_once.body == later.body
    assert (await customer.call("GET", "/me/registration")).status == 404


async def test_a_pending_registration_is_found_too(customers_system: CustomersSystem) -> None:
    customer = customers_system.newcomer()
    prefer = {"Prefer": "respond-async"}
    await asyncio.to_thread(customers_system.stack.stop_service, "kakao")
    try:
        postponed = await customer.call("POST", "/customers", json=CONSENTING, headers=prefer)
        pending = await customer.call("GET", "/me/registration")
        again = await customer.call("POST", "/customers", json=CONSENTING, headers=prefer)
        of_another = await customers_system.newcomer().call("GET", postponed.headers["Location"])
    finally:
        await asyncio.to_thread(customers_system.stack.start_service, "kakao")
        await customer.call("DELETE", postponed.headers["Location"])

    assert (postponed.status, again.status, of_another.status) == (202, 409, 404)
    assert (pending.body["id"], pending.body["status"]) == (postponed.body["id"], "PENDING")
    assert again.headers["Link"].startswith(f"<{postponed.headers['Location']}>")
