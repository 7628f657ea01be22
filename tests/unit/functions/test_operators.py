"""What each function shows to operators, and the record that each call leaves before anything is shown or changed."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace
from typing import Any, cast

import azure.functions as func
import pytest

from functions import customer, customer_view, kakao, registration
from shared.domain.access_record import AccessRecord, Action, Reason, Target
from shared.domain.callers import CustomerSession, Nobody, Operator, Owner
from shared.domain.consent import Consent, ConsentItem
from shared.domain.customer import Customer, CustomerDetails, Signature
from shared.domain.customer_view import CustomerView
from shared.domain.identifiers import CustomerId, uuid7
from shared.domain.kakao_message import KakaoMessage, KakaoMessageRequest, MessageKind, Receipt
from shared.domain.phone_number import PhoneNumber
from shared.domain.registration import Registration
from shared.http.callers import Callers
from shared.settings import settings
from shared.use_cases.cancelling import CancelRegistration
from shared.use_cases.correcting import CorrectCustomer
from shared.use_cases.idempotency import LastingReservations
from shared.use_cases.looking_up import LookUp, LookUpRegistration, Page, Position
from shared.use_cases.recording import RecordAccess
from shared.use_cases.searching import MOST_FOUND, SearchCustomers
from shared.use_cases.withdrawing import KeepKey, WithdrawRegistration
from shared.wiring import access, customer_app, customer_view_app, kakao_app, stores
from tests.unit.fake_registrations import FakeCustomers, FakeRegistrations, FakeReservations
from tests.unit.fakes import LIFETIMES, START, FakeAccessRecords, Ticks

OPERATOR = Operator("11111111-2222-4333-8444-555555555555", frozenset({"Operator"}))
HONG_ID, KIM_ID, PENDING_ID = (CustomerId(uuid7(START, count)) for count in (1, 2, 3))
HONG = CustomerDetails(
    customer_name="홍길동",
    customer_address="인천광역시 남동구 구월동 12-3",
    customer_age=27,
    customer_phone="01012345678",
)
KIM = CustomerDetails(customer_name="김연아", customer_address="서울 종로구 세종대로 209", customer_age=35)
PERSONAL = ("홍길동", "구월동", "27", "1234", "김연아", "세종대로", "35", "kakao:1", "collection")
MASKED = ("홍*동", "인천광역시 남동구 ***", "20대", "010-****-5678")
CONTEXT = cast(
    func.Context, SimpleNamespace(function_name="f", trace_context=SimpleNamespace(trace_parent="00-00-00-00"))
)
MODULES = (customer, customer_view, kakao, registration)


@dataclass
class Shelf[Item]:
    """What is looked up by id, and listed."""

    items: dict[str, Item]

    async def get(self, resource_id: str) -> Item | None:
        return self.items.get(resource_id)

    async def page(self, size: int, after: Position | None) -> Page[Item]:
        return Page(list(self.items.values())[:size], None)


@dataclass
class Sent:
    """The messages of all customers."""

    all: Sequence[KakaoMessage]

    async def messages(self, customer_id: CustomerId) -> Sequence[KakaoMessage]:
        return [each for each in self.all if each.customer_id == customer_id]


@dataclass
class Recognised:
    """A verifier that takes the header for the caller's name."""

    async def caller(self, authorization: str | None) -> CustomerSession | Operator | Nobody:
        if authorization is None:
            return Nobody()
        return OPERATOR if authorization == "operator" else CustomerSession(authorization)


@dataclass
class World:
    """Two customers, one with a message and a view, and one more whose registration is pending."""

    records: FakeAccessRecords = field(default_factory=FakeAccessRecords)
    partitions: FakeCustomers = field(default_factory=FakeCustomers)

    def __post_init__(self) -> None:
        consent = Consent.given("2026-12-01", frozenset(ConsentItem), START)
        for customer_id, details, subject in ((HONG_ID, HONG, "1"), (KIM_ID, KIM, "2")):
            signature = Signature(Owner(f"kakao:{subject}"), consent)
            registered = Customer.register(customer_id, details, START, signature)
            self.partitions.customers[customer_id] = registered
        pending = Registration.postponed(PENDING_ID, KIM, START, LIFETIMES.registration, Signature(Owner("kakao:3")))
        self.partitions.store(pending)

    @property
    def customers(self) -> dict[str, Customer]:
        return self.partitions.customers

    async def with_phone_number(self, number: PhoneNumber, at_most: int) -> Sequence[Customer]:
        assert at_most == MOST_FOUND
        return [each for each in self.customers.values() if each.customer_phone == number]

    def one_record(self) -> AccessRecord:
        [record] = self.records.records
        assert record.operator_id == OPERATOR.object_id
        assert record.address == "203.0.113.7"
        return record


def message() -> KakaoMessage:
    request = KakaoMessageRequest.from_record(HONG, customer_id=HONG_ID, kind=MessageKind.REGISTERED)
    text = f"{HONG.customer_name}님, {HONG.customer_address}"
    return KakaoMessage.sent(request, Receipt(provider="p", receipt_id="r", status="accepted", text=text), START)


MESSAGE = message()
VIEW = CustomerView.from_record(HONG, customer_id=HONG_ID, status="REGISTERED", version=1, registered_at=START)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("COSMOS_CONNECTION", "AccountEndpoint=http://127.0.0.1:1/;AccountKey=a;")
    monkeypatch.setenv("SERVICE_BUS_CONNECTION", "Endpoint=sb://127.0.0.1:1;")
    monkeypatch.setenv("KAKAO_API_URL", "http://127.0.0.1:1")
    settings.cache_clear()
    world, ticks = World(), Ticks()
    registrations = FakeRegistrations(world.partitions)
    look_up_registration = LookUpRegistration(registrations, world.partitions)
    keep_key = KeepKey(cast(LastingReservations, FakeReservations()), LIFETIMES)
    withdraw = WithdrawRegistration(registrations, look_up_registration, keep_key, ticks.now, lambda _: None)
    wired: dict[ModuleType, dict[str, Any]] = {
        access: {
            "callers": Callers(Recognised(), "customer-app", is_open=False),
            "record_access": RecordAccess(world.records, ticks.now, ticks.new_id, lambda _: None),
        },
        customer_app: {
            "look_up_customers": LookUp(Shelf(world.customers)),
            "look_up_registration": look_up_registration,
            "search_customers": SearchCustomers(world),
            "correct_customer": CorrectCustomer(world.partitions, ticks.now, ticks.new_id),
            "withdraw_registration": withdraw,
            "cancel_registration": CancelRegistration(
                world.partitions, withdraw, ticks.now, ticks.new_id, lambda: None
            ),
        },
        customer_view_app: {"look_up_customer_views": LookUp(Shelf({HONG_ID: VIEW}))},
        kakao_app: {"look_up_kakao_messages": LookUp(Shelf({MESSAGE.message_id: MESSAGE}))},
        stores: {"own_documents": Sent([MESSAGE])},
    }
    for module, parts in wired.items():
        for name, part in parts.items():
            monkeypatch.setattr(module, name, lambda part=part: part)
    yield world
    settings.cache_clear()


@dataclass(frozen=True)
class Call:
    """A call of an operator, and the record that it leaves. `resource_id`: the id in its path."""

    function: str
    method: str
    action: Action
    target: Target
    customer_ids: tuple[str, ...]
    resource_id: str | None = None
    body: dict[str, Any] | None = None

    async def __call__(
        self, query: dict[str, str] | None = None, caller: str = "operator", **headers: str
    ) -> func.HttpResponse:
        [function] = [each for each in functions() if each.get_function_name() == self.function]
        request = func.HttpRequest(
            self.method,
            "http://localhost/x",
            headers={
                "ssak8-authorization": caller,
                "x-forwarded-for": "203.0.113.7, 10.0.0.4:1234",
                "content-type": "application/json",
                **{name.replace("_", "-"): value for name, value in headers.items()},
            },
            params=query or {},
            route_params={"id": self.resource_id} if self.resource_id else {},
            body=json.dumps(self.body).encode(),
        )
        response: func.HttpResponse = await function.get_user_function()(request, CONTEXT)
        return response


def functions() -> Sequence[Any]:
    app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
    for module in MODULES:
        app.register_functions(module.blueprint)
    return list(app.get_functions())


GET_CUSTOMER = Call("get-customer", "GET", Action.READ, Target.CUSTOMER, (HONG_ID,), HONG_ID)
GET_MESSAGE = Call("get-kakao", "GET", Action.READ, Target.MESSAGE, (HONG_ID,), MESSAGE.message_id)
SINGLE = [
    GET_CUSTOMER,
    Call("get-customer-view", "GET", Action.READ, Target.CUSTOMER_VIEW, (HONG_ID,), HONG_ID),
    GET_MESSAGE,
    Call("get-registration", "GET", Action.READ, Target.REGISTRATION, (HONG_ID,), HONG_ID),
]
SEARCH = Call(
    "search-customers", "POST", Action.SEARCH, Target.CUSTOMER, (HONG_ID,), body={"customerPhone": "+82 10 1234-5678"}
)
LISTS = [
    Call("list-customers", "GET", Action.LIST, Target.CUSTOMER, (HONG_ID, KIM_ID)),
    Call("list-customer-views", "GET", Action.LIST, Target.CUSTOMER_VIEW, (HONG_ID,)),
    Call("list-kakaos", "GET", Action.LIST, Target.MESSAGE, (HONG_ID,)),
    Call("list-messages-of-customer", "GET", Action.LIST, Target.MESSAGE, (HONG_ID,), HONG_ID),
    SEARCH,
]
PATCH = Call(
    "patch-customer", "PATCH", Action.CORRECT, Target.CUSTOMER, (HONG_ID,), HONG_ID, {"customerName": "홍길순"}
)
CHANGES = [
    PATCH,
    Call("cancel-registration", "DELETE", Action.CANCEL, Target.CUSTOMER, (HONG_ID,), HONG_ID),
    Call("withdraw-registration", "DELETE", Action.CANCEL, Target.REGISTRATION, (PENDING_ID,), PENDING_ID),
]
every_call = pytest.mark.parametrize("call", [*SINGLE, *LISTS, *CHANGES], ids=lambda call: call.function)


def text_of(response: func.HttpResponse) -> str:
    return response.get_body().decode()


@every_call
async def test_every_call_leaves_one_record_of_whose_data_it_was(world: World, call: Call) -> None:
    response = await call()

    record = world.one_record()
    assert response.status_code in (200, 204)
    assert (record.action, record.target, record.customer_ids) == (call.action, call.target, call.customer_ids)
    assert record.reason is None


@every_call
async def test_what_is_shown_is_masked(world: World, call: Call) -> None:
    response = await call()

    text = text_of(response)
    assert not any(personal in text.replace(call.customer_ids[0], "").replace(KIM_ID, "") for personal in PERSONAL)
    if response.status_code == 200:
        assert '"masked": true' in text
        assert response.headers["Cache-Control"] == "no-store"
    if call in (GET_CUSTOMER, GET_MESSAGE, *LISTS):
        assert all(masked in text for masked in MASKED)


@every_call
async def test_nothing_is_shown_or_changed_that_could_not_be_recorded(world: World, call: Call) -> None:
    before = dict(world.customers), dict(world.partitions.registrations)
    world.records.is_away = True

    response = await call()

    assert response.status_code == 503
    assert "Retry-After" in response.headers
    assert set(json.loads(text_of(response))) == {"type", "title", "status", "detail", "instance", "traceId"}
    assert (world.customers, world.partitions.registrations) == before
    assert world.partitions.outbox == []


@pytest.mark.parametrize("call", SINGLE, ids=lambda call: call.function)
async def test_one_resource_is_shown_whole_for_a_reason_that_is_recorded(world: World, call: Call) -> None:
    response = await call({"reveal": "true", "reason": "delivery"})

    record = world.one_record()
    assert (record.action, record.reason, record.customer_ids) == (Action.REVEAL, Reason.DELIVERY, (HONG_ID,))
    shown = json.loads(text_of(response))
    assert "masked" not in shown
    assert "owner" not in shown
    if call.function != "get-registration":
        assert shown["customerName"] == "홍길동"
        assert shown["customerPhone"] == "010-1234-5678"
    if call is GET_MESSAGE:
        assert shown["text"] == "홍길동님, 인천광역시 남동구 구월동 12-3"


@every_call
@pytest.mark.parametrize("query", [{"reveal": "true"}, {"reveal": "true", "reason": "curious"}])
async def test_whole_values_need_a_reason_and_one_resource(world: World, call: Call, query: dict[str, str]) -> None:
    before = dict(world.customers)

    response = await call(query)

    refused = json.loads(text_of(response))
    assert response.status_code == 400
    assert [error["field"] for error in refused["errors"]] == ["reason" if call in SINGLE else "reveal"]
    assert world.records.records == []
    assert world.customers == before


@pytest.mark.parametrize("call", [*LISTS, *CHANGES], ids=lambda call: call.function)
async def test_a_reason_does_not_reveal_a_list(world: World, call: Call) -> None:
    response = await call({"reveal": "true", "reason": "complaint"})

    assert response.status_code == 400
    assert world.records.records == []


@pytest.mark.parametrize("query", [{}, {"reveal": "true"}, {"reveal": "true", "reason": "complaint"}])
async def test_a_customer_sees_the_own_whole_and_leaves_no_record(world: World, query: dict[str, str]) -> None:
    response = await GET_CUSTOMER(query, caller="1")

    shown = json.loads(text_of(response))
    assert (response.status_code, shown["customerName"], shown["customerAge"]) == (200, "홍길동", 27)
    assert "masked" not in shown
    assert world.records.records == []


@pytest.mark.parametrize("call", SINGLE, ids=lambda call: call.function)
async def test_what_does_not_exist_shows_nobodys_data_and_is_not_recorded(world: World, call: Call) -> None:
    missing = Call(call.function, "GET", call.action, call.target, (), call.resource_id and call.resource_id[:-1] + "9")

    response = await missing()

    assert response.status_code == 404
    assert world.records.records == []


async def test_who_got_no_message_is_in_no_record_of_messages(world: World) -> None:
    response = await Call("list-messages-of-customer", "GET", Action.LIST, Target.MESSAGE, (), KIM_ID)()

    assert json.loads(text_of(response))["_embedded"] == {"kakaos": []}
    record = world.one_record()
    assert (record.action, record.target, record.customer_ids) == (Action.LIST, Target.MESSAGE, ())


async def test_an_unchanged_customer_is_a_reading_too(world: World) -> None:
    response = await GET_CUSTOMER(if_none_match='"1"')

    assert response.status_code == 304
    assert world.one_record().action is Action.READ


@pytest.mark.parametrize("number", ["01099999999", "010-9999-9999"])
async def test_a_search_that_finds_nobody_is_recorded(world: World, number: str) -> None:
    searched = Call("search-customers", "POST", Action.SEARCH, Target.CUSTOMER, (), body={"customerPhone": number})

    response = await searched()

    assert json.loads(text_of(response))["_embedded"] == {"customers": []}
    assert world.one_record().customer_ids == ()
    assert "9999" not in world.one_record().model_dump_json()


@pytest.mark.parametrize("body", [{}, {"customerPhone": None}, {"customerPhone": "02-123-4567"}, {"customerPhone": 1}])
async def test_a_search_needs_a_number_as_registering_does(world: World, body: dict[str, Any]) -> None:
    response = await Call("search-customers", "POST", Action.SEARCH, Target.CUSTOMER, (), body=body)()

    assert response.status_code == 422
    assert [error["field"] for error in json.loads(text_of(response))["errors"]] == ["customerPhone"]
    assert "123-4567" not in text_of(response)
    assert world.records.records == []


async def test_only_operators_search(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await SEARCH(caller="1")).status_code == 403
    monkeypatch.setattr(access, "callers", lambda: Callers(None, None, is_open=True))
    assert (await SEARCH()).status_code == 404
    assert world.records.records == []


@pytest.mark.parametrize("call", [*SINGLE, *LISTS[:3], *CHANGES], ids=lambda call: call.function)
async def test_without_signing_in_nothing_is_masked_or_recorded(
    world: World, monkeypatch: pytest.MonkeyPatch, call: Call
) -> None:
    monkeypatch.setattr(access, "callers", lambda: Callers(None, None, is_open=True))

    response = await call({"reveal": "true", "reason": "x"})

    assert response.status_code in (200, 204)
    assert "masked" not in text_of(response)
    assert "*" not in text_of(response)
    assert world.records.records == []


@pytest.mark.parametrize("body", [{"customerName": "홍*동"}, {"customerAddress": "인천광역시 남동구 ***"}])
async def test_masked_values_that_an_operator_sends_back_are_not_stored(world: World, body: dict[str, Any]) -> None:
    response = await Call("patch-customer", "PATCH", Action.CORRECT, Target.CUSTOMER, (), HONG_ID, body)()

    assert response.status_code == 422
    assert [error["field"] for error in json.loads(text_of(response))["errors"]] == list(body)
    assert world.customers[HONG_ID].customer_name == "홍길동"
    assert world.records.records == []
