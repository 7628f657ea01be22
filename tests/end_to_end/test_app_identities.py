"""Only the customer app makes kakao send messages: what says who calls is the platform, and nobody else."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest
from azure.identity.aio import ManagedIdentityCredential

from local_azure.stack import Stack
from shared.domain.identifiers import new_uuid7
from tools.play.local_system import LocalSystem
from tools.play.people import CONSENTING, CustomersSystem
from tools.play.system import YEON

CUSTOMER_APP = "5a7ec0de-0000-4000-8000-000000000001"
SCOPE = "api://ssak8/.default"

pytestmark = pytest.mark.timeout(480)


def message() -> dict[str, object]:
    return {"customerId": str(new_uuid7()), **YEON, "kind": "registered"}


async def token_of(stack: Stack, app: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A token of an app's identity, as this app gets it."""
    for name, value in stack.identity_settings(app).items():
        monkeypatch.setenv(name, value)
    async with ManagedIdentityCredential() as credential:
        token: str = (await credential.get_token(SCOPE)).token
        return token


def principal(header: str) -> dict[str, str]:
    return {header: CUSTOMER_APP}


@pytest.mark.parametrize("service", ["gateway", "kakao"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        principal("X-MS-CLIENT-PRINCIPAL-ID"),
        principal("x-ms-client-principal-id"),
        principal("X_MS_CLIENT_PRINCIPAL_ID"),
        {**principal("X-MS-CLIENT-PRINCIPAL-ID"), "X-MS-CLIENT-PRINCIPAL-IDP": "aad", "X-MS-CLIENT-PRINCIPAL": "e30="},
    ],
)
async def test_nobody_sends_messages_by_claiming_to_be_the_customer_app(
    customers_system: CustomersSystem, service: str, headers: Mapping[str, str]
) -> None:
    sent = message()

    posted = await customers_system.call("POST", "/kakaos", service=service, json=sent, headers=headers)
    asked = await customers_system.call(
        "GET", f"/receipts/{sent['customerId']}.registered", service=service, headers=headers
    )

    assert posted.status == 401
    assert posted.headers["WWW-Authenticate"]
    # The gateway has no such route.
    assert asked.status == (404 if service == "gateway" else 401)
    assert await customers_system.stored("kakaos", str(sent["customerId"])) == []


@pytest.mark.parametrize("service", ["gateway", "kakao"])
async def test_nor_with_the_token_of_a_customer_or_an_operator(customers_system: CustomersSystem, service: str) -> None:
    for caller in (customers_system.customer("4001"), await customers_system.operator()):
        sent = message()

        response = await caller.call(
            "POST", "/kakaos", service=service, json=sent, headers=principal("X-MS-CLIENT-PRINCIPAL-ID")
        )

        # At its own port the platform asks for a token of an app; behind the gateway the app refuses anybody else's.
        assert response.status == (401 if service == "kakao" else 403)
        assert await customers_system.stored("kakaos", str(sent["customerId"])) == []


async def test_nor_as_another_app(customers_system: CustomersSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = message()
    token = await token_of(customers_system.stack, "customerview", monkeypatch)
    headers = {"Authorization": f"Bearer {token}", **principal("X-MS-CLIENT-PRINCIPAL-ID")}

    response = await customers_system.call("POST", "/kakaos", service="kakao", json=sent, headers=headers)

    assert response.status == 403
    assert await customers_system.stored("kakaos", str(sent["customerId"])) == []


async def test_the_customer_app_does(customers_system: CustomersSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = message()
    token = await token_of(customers_system.stack, "customer", monkeypatch)

    response = await customers_system.call(
        "POST", "/kakaos", service="kakao", json=sent, headers={"Authorization": f"Bearer {token}"}
    )

    assert response.status == 201
    assert len(await customers_system.stored("kakaos", str(sent["customerId"]))) == 1


async def test_it_does_not_behind_the_gateway(
    customers_system: CustomersSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = await token_of(customers_system.stack, "customer", monkeypatch)

    response = await customers_system.call(
        "POST", "/kakaos", json=message(), headers={"Authorization": f"Bearer {token}"}
    )

    assert response.status == 401


async def test_with_open_access_kakao_verifies_tokens_too(system: LocalSystem) -> None:
    anonymous = await system.call("POST", "/kakaos", service="kakao", json=message())
    wrong = await system.call(
        "POST", "/kakaos", service="kakao", json=message(), headers={"Authorization": "Bearer abc"}
    )

    assert anonymous.status == 201
    assert wrong.status == 401


@asynccontextmanager
async def without_tokens(stack: Stack) -> AsyncIterator[None]:
    """A customer app that started while the endpoint was stopped."""
    await asyncio.to_thread(stack.stop_service, "identity")
    try:
        await asyncio.to_thread(stack.restart_service, "customer")
        yield
    finally:
        await asyncio.to_thread(stack.start_service, "identity")
        await asyncio.to_thread(stack.restart_service, "customer")


async def test_without_a_token_nobody_is_registered(customers_system: CustomersSystem) -> None:
    yeon = customers_system.customer("4002")

    async with without_tokens(customers_system.stack):
        response = await yeon.call("POST", "/customers", json=CONSENTING)
        assert response.status == 503
        assert response.headers["Retry-After"]

    assert (await yeon.call("POST", "/customers", json=CONSENTING)).status == 201
