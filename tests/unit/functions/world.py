"""All functions of the system with ACCESS=customers and stores in memory, as the host calls them."""

import importlib
import json
import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace
from typing import Any, Final, cast

import azure.functions as func
import pytest
from azure.functions.decorators.http import HttpTrigger
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from jwt.algorithms import ECAlgorithm

import functions
from functions import unmatched
from shared import wiring
from shared.adapters.issuer_keys import Published
from shared.domain.callers import CustomerSession, Owner
from shared.domain.claim import Claim
from shared.domain.customer import Customer, Signature
from shared.domain.customer_view import CustomerView
from shared.domain.identifiers import CustomerId
from shared.domain.kakao_message import KakaoMessage, KakaoMessageRequest, MessageKind, Receipt
from shared.domain.phone_number import PhoneNumber
from shared.settings import settings
from shared.use_cases.looking_up import Page, Position
from shared.use_cases.own import StoredDocument
from shared.wiring import access, customer_app, kakao_app, stores
from tests.unit.adapters.signing import CUSTOMER_KEY, NEW_CUSTOMER_KEY, OPERATOR_KEY, OPERATORS, SESSIONS
from tests.unit.fake_registrations import FakeClaims, FakeCustomers, FakeRegistrations, FakeReservations
from tests.unit.fakes import START, YEON, FakeAccessRecords, FakeMessages, FakeProvider, FakeViews
from tests.unit.shared.test_privacy_settings import POLICY

CUSTOMER_APP: Final = "6a5c8d2e-0000-4000-8000-0000000000a1"
OWN: Final = CustomerSession("1376016924")
OWN_ID: Final = CustomerId("0189ee3e-0000-7000-8000-000000000001")
OTHERS_ID: Final = CustomerId("0189ee3e-0000-7000-8000-000000000002")
TRACEPARENT: Final = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def public_keys(keys: Mapping[str, EllipticCurvePrivateKey]) -> str:
    """SESSION_PUBLIC_KEYS for these."""
    entries = [{**ECAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid} for kid, key in keys.items()]
    return json.dumps({"keys": entries})


ENVIRONMENT: Final = {
    "ACCESS": "customers",
    "COSMOS_CONNECTION": "AccountEndpoint=http://127.0.0.1:1/;AccountKey=a;",
    "SERVICE_BUS_CONNECTION": "Endpoint=sb://127.0.0.1:1;",
    "KAKAO_API_URL": "http://127.0.0.1:1",
    "SESSION_ISSUER": SESSIONS.issuer,
    "SESSION_AUDIENCE": SESSIONS.audience,
    "SESSION_PUBLIC_KEYS": public_keys({"one": CUSTOMER_KEY, "new": NEW_CUSTOMER_KEY}),
    "OPERATOR_ISSUER": OPERATORS.issuer,
    "OPERATOR_AUDIENCE": OPERATORS.audience,
    "OWNER_KEY": "0123456789abcdef0123456789abcdef",
    "CUSTOMER_APP_ID": CUSTOMER_APP,
    **POLICY,
}

WITHOUT_KEYS: Final = {
    **{name: value for name, value in ENVIRONMENT.items() if not name.startswith(("SESSION_", "OWNER_"))},
    "ACCESS": "open",
}
"""Everybody may call, and no token is looked at."""
OPEN_BUT_KNOWN: Final = {**ENVIRONMENT, "ACCESS": "open"}
"""Everybody may call, and whoever shows a token is known."""

OUTSIDE: Final = (
    (stores, "database"),
    (customer_app, "kakao_client"),
    (customer_app, "event_publisher"),
    (customer_app, "attempt_queue"),
    (kakao_app, "kakao_provider"),
)
"""The parts, each with the module that makes it, that speak with other services."""


class EntraId:
    """It has one key."""

    async def fetch(self) -> Published:
        return Published({"rsa": OPERATOR_KEY.public_key()}, {})


class Untouched:
    """Nobody may use it: what was used is in `used`."""

    def __init__(self, used: list[str], name: str) -> None:
        self._used, self._name = used, name

    def __getattr__(self, attribute: str) -> Any:
        self._used.append(f"{self._name}.{attribute}")
        raise AssertionError(self._used[-1])


class Customers(FakeCustomers):
    async def page(self, size: int, after: Position | None) -> Page[Customer]:
        return Page(list(self.customers.values()), None)

    async def with_phone_number(self, number: PhoneNumber, at_most: int) -> Sequence[Customer]:
        return [customer for customer in self.customers.values() if customer.customer_phone == number][:at_most]


class Claims(FakeClaims):
    async def find(self, owner: Owner) -> CustomerId | None:
        stored = await self.read(owner)
        return stored.claim.registration_id if stored else None


class Messages(FakeMessages):
    async def page(self, size: int, after: Position | None) -> Page[KakaoMessage]:
        return Page(list(self.messages.values()), None)


class Views(FakeViews):
    async def get(self, customer_id: CustomerId) -> CustomerView | None:
        stored = await self.find(customer_id)
        return stored.view if stored else None

    async def page(self, size: int, after: Position | None) -> Page[CustomerView]:
        return Page([stored.view for stored in self.views.values()], None)


class OwnDocuments:
    """Only the documents of customers, and only of one kind."""

    def __init__(self, stores: "Stores") -> None:
        self._stores = stores

    async def claim(self, owner: Owner) -> Sequence[StoredDocument]:
        return []

    async def ids_of_views(self, owner: Owner) -> Sequence[CustomerId]:
        return [stored.view.customer_id for stored in self._stores.views.views.values() if stored.view.owner == owner]

    async def about(self, customer_id: CustomerId) -> Sequence[StoredDocument]:
        customer = self._stores.customers.customers.get(customer_id)
        return [StoredDocument("customers", customer.to_json_object())] if customer else []

    async def messages(self, customer_id: CustomerId) -> Sequence[KakaoMessage]:
        messages = self._stores.messages.messages.values()
        return [message for message in messages if message.customer_id == customer_id]


class Kakao:
    """The kakao service. `told`: whom it told."""

    def __init__(self) -> None:
        self.told: list[CustomerId] = []

    async def opened(self) -> None: ...

    def check_takes_new(self) -> None: ...

    async def notify_registered(self, customer: Customer, deadline: object) -> None:
        self.told.append(customer.customer_id)


class Database:
    """What uses it directly only waits until it is open."""

    async def opened(self) -> None: ...


@dataclass
class Stores:
    """Two customers, OWN and somebody else, each with a claim, a message and a view."""

    claims: Claims = field(default_factory=Claims)
    customers: Customers = field(default_factory=Customers)
    messages: Messages = field(default_factory=Messages)
    views: Views = field(default_factory=Views)
    kakao: Kakao = field(default_factory=Kakao)
    provider: FakeProvider = field(default_factory=FakeProvider)
    access_records: FakeAccessRecords = field(default_factory=FakeAccessRecords)

    async def fill(self) -> None:
        for customer_id, subject in ((OWN_ID, OWN.subject), (OTHERS_ID, "1376016925")):
            owner = CustomerSession(subject).owner
            customer = Customer.register(customer_id, YEON, START, Signature(owner))
            self.customers.customers[customer_id] = customer
            await self.claims.add(owner, Claim(registration_id=customer_id, held_until=START))
            await self.views.add(CustomerView.from_record(customer, status="REGISTERED"))
            request = KakaoMessageRequest.from_record(customer, kind=MessageKind.REGISTERED)
            receipt = Receipt(provider="fake", receipt_id="1", status="accepted")
            await self.messages.add(KakaoMessage.sent(request, receipt, START))


def blueprints() -> list[func.Blueprint]:
    """Of every module of functions but the one that knows the others."""
    names = [each.name for each in pkgutil.iter_modules(functions.__path__) if not each.name.startswith("web")]
    modules = [importlib.import_module(f"functions.{name}") for name in names]
    return [module.blueprint for module in modules if hasattr(module, "blueprint")]


class World:
    """`used`: what was used of the stores and of other services before `open_stores`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, environment: Mapping[str, str] = ENVIRONMENT) -> None:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        forget_settings()
        self._monkeypatch = monkeypatch
        self.used: list[str] = []
        self.stores = Stores()
        self._replace(access, "entra_id", EntraId())
        for module, name in OUTSIDE:
            self._replace(module, name, Untouched(self.used, name))
        app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
        others = blueprints()
        for blueprint in [*others, unmatched.blueprint_for(others)]:
            app.register_functions(blueprint)
        triggers = {
            function.get_function_name(): (function, function.get_trigger()) for function in app.get_functions()
        }
        self.functions = {
            name: function.get_user_function()
            for name, (function, trigger) in triggers.items()
            if isinstance(trigger, HttpTrigger)
        }

    def _replace(self, module: ModuleType, name: str, port: object) -> None:
        self._monkeypatch.setattr(module, name, lambda: port)

    async def open_stores(self) -> None:
        """From now on there are stores, with two customers."""
        await self.stores.fill()
        self._replace(stores, "database", Database())
        self._replace(stores, "claims", self.stores.claims)
        self._replace(stores, "customer_keys", FakeReservations())
        self._replace(stores, "own_documents", OwnDocuments(self.stores))
        self._replace(stores, "customers", self.stores.customers)
        self._replace(stores, "registrations", FakeRegistrations(self.stores.customers))
        self._replace(stores, "kakao_messages", self.stores.messages)
        self._replace(stores, "customer_views", self.stores.views)
        self._replace(customer_app, "kakao_client", self.stores.kakao)
        self._replace(kakao_app, "kakao_provider", self.stores.provider)
        self._replace(stores, "access_records", self.stores.access_records)

    async def call(
        self, name: str, headers: Mapping[str, str], parameters: Mapping[str, str] | None = None, body: object = None
    ) -> func.HttpResponse:
        """Calls a function as the host does. `parameters`: of its route."""
        request = func.HttpRequest(
            "GET",  # no function looks at it
            "http://localhost/path",
            headers={"content-type": "application/json", **headers},
            route_params=dict(parameters or {}),
            body=b"" if body is None else json.dumps(body).encode(),
        )
        trace = SimpleNamespace(trace_parent=TRACEPARENT)
        context = cast(func.Context, SimpleNamespace(function_name=name, trace_context=trace))
        function = self.functions[name]
        with_context = "context" in function.__annotations__
        return cast(func.HttpResponse, await function(request, *([context] if with_context else [])))


def forget_settings() -> None:
    """So that everything is built anew, of the settings as they are then."""
    settings.cache_clear()
    for found in pkgutil.iter_modules(wiring.__path__):
        for value in vars(importlib.import_module(f"shared.wiring.{found.name}")).values():
            if hasattr(value, "cache_clear"):
                value.cache_clear()


def bearer(token: str) -> dict[str, str]:
    """The header in which the apps read a caller's token."""
    return {"Ssak8-Authorization": f"Bearer {token}"}
