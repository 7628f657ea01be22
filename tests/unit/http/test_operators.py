import json
from typing import Any

import azure.functions as func
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.access_record import Action, Reason, Target
from shared.domain.callers import Anybody, App, Caller, CustomerSession, Nobody, Operator
from shared.domain.errors import StoreUnavailable
from shared.http.operators import MASKED, SHOWN, Disclosure, client_address, disclosure, masked, refuse_masked
from shared.http.problems import Problem
from shared.use_cases.recording import RecordAccess
from tests.unit.fakes import CUSTOMER_ID, FakeAccessRecords, Ticks

OPERATOR = Operator("11111111-2222-4333-8444-555555555555", frozenset({"Operator"}))
OTHERS = [Anybody(), CustomerSession("123456789"), App("app"), Nobody()]
BODY: dict[str, Any] = {
    "id": CUSTOMER_ID,
    "customerName": "홍길동",
    "customerAddress": "인천광역시 남동구 구월동 12-3",
    "customerAge": 27,
    "customerPhone": "010-1234-5678",
    "version": 1,
    "registeredAt": "2026-01-02T03:04:05.678Z",
    "consent": {"policyVersion": "2026-12-01"},
    "owner": "kakao:123456789",
    "text": "홍길동님, 인천광역시 남동구 구월동 12-3",
    "_links": {"self": {"href": "http://localhost/customers/1"}},
}
SEEN = {
    "id": CUSTOMER_ID,
    "customerName": "홍*동",
    "customerAddress": "인천광역시 남동구 ***",
    "customerAge": "20대",
    "customerPhone": "010-****-5678",
    "version": 1,
    "registeredAt": "2026-01-02T03:04:05.678Z",
    "masked": True,
    "_links": {"self": {"href": "http://localhost/customers/1"}},
}


def request(query: dict[str, str] | None = None, forwarded_for: str | None = "203.0.113.7") -> func.HttpRequest:
    headers = {} if forwarded_for is None else {"x-forwarded-for": forwarded_for}
    return func.HttpRequest("GET", "http://localhost/customers/1", headers=headers, params=query or {}, body=b"")


def shown_to(
    caller: Caller | Anybody,
    query: dict[str, str] | None = None,
    *,
    records: FakeAccessRecords | None = None,
    may_reveal: bool = True,
) -> Disclosure:
    ticks = Ticks()
    record = RecordAccess(records or FakeAccessRecords(), ticks.now, ticks.new_id, lambda _: None)
    return disclosure(request(query), caller, record, may_reveal=may_reveal)


def test_operators_see_masked_values_and_nothing_else_that_is_personal() -> None:
    assert shown_to(OPERATOR).of(BODY) == SEEN
    assert list(SEEN)[-1] == "_links"


def test_operators_see_every_resource_of_a_page_masked() -> None:
    page = {"_embedded": {"customers": [BODY, BODY]}, "_links": {"self": {"href": "x"}}, "page": {"size": 2}}

    seen = shown_to(OPERATOR).of(page)

    assert seen == {**page, "_embedded": {"customers": [SEEN, SEEN]}}
    assert list(seen) == list(page)


@pytest.mark.parametrize("caller", OTHERS)
@pytest.mark.parametrize("may_reveal", [False, True])
@pytest.mark.parametrize("query", [{}, {"reveal": "true"}, {"reveal": "true", "reason": "complaint"}, {"reveal": "x"}])
async def test_anybody_else_sees_everything_and_is_not_recorded(
    caller: Caller | Anybody, may_reveal: bool, query: dict[str, str]
) -> None:
    records = FakeAccessRecords()
    shown = shown_to(caller, query, records=records, may_reveal=may_reveal)

    await shown.record(Action.READ, Target.CUSTOMER, [CUSTOMER_ID])

    assert shown.of(BODY) is BODY
    assert records.records == []


@pytest.mark.parametrize("reason", list(Reason))
async def test_an_operator_who_says_why_sees_one_resource_whole(reason: Reason) -> None:
    records = FakeAccessRecords()
    shown = shown_to(OPERATOR, {"reveal": "true", "reason": reason.value}, records=records)

    await shown.record(Action.READ, Target.CUSTOMER, [CUSTOMER_ID])

    assert shown.of(BODY) is BODY
    [record] = records.records
    assert (record.action, record.reason, record.operator_id) == (Action.REVEAL, reason, OPERATOR.object_id)
    assert record.address == "203.0.113.7"


@pytest.mark.parametrize("query", [{}, {"reveal": "false"}, {"reason": "complaint"}])
async def test_an_operator_who_does_not_ask_for_it_sees_masked_values(query: dict[str, str]) -> None:
    records = FakeAccessRecords()
    shown = shown_to(OPERATOR, query, records=records)

    await shown.record(Action.READ, Target.CUSTOMER, [CUSTOMER_ID])

    assert shown.of(BODY) == SEEN
    assert [(record.action, record.reason) for record in records.records] == [(Action.READ, None)]


@pytest.mark.parametrize("reason", [None, "", "curious", "Complaint", "COMPLAINT"])
def test_an_operator_who_does_not_say_why_gets_the_reasons_to_choose_from(reason: str | None) -> None:
    with pytest.raises(Problem) as refused:
        shown_to(OPERATOR, {"reveal": "true"} | ({} if reason is None else {"reason": reason}))

    assert refused.value.status == 400
    assert [error.field for error in refused.value.errors] == ["reason"]
    assert all(each in refused.value.detail for each in Reason)
    assert "curious" not in refused.value.detail


def test_a_list_is_never_shown_whole() -> None:
    with pytest.raises(Problem) as refused:
        shown_to(OPERATOR, {"reveal": "true", "reason": "complaint"}, may_reveal=False)

    assert (refused.value.status, [error.field for error in refused.value.errors]) == (400, ["reveal"])


@pytest.mark.parametrize("reveal", ["", "1", "yes", "True", "TRUE"])
def test_another_value_of_reveal_is_refused(reveal: str) -> None:
    with pytest.raises(Problem) as refused:
        shown_to(OPERATOR, {"reveal": reveal, "reason": "complaint"})

    assert (refused.value.status, [error.field for error in refused.value.errors]) == (400, ["reveal"])


async def test_what_cannot_be_recorded_raises() -> None:
    with pytest.raises(StoreUnavailable):
        await shown_to(OPERATOR, records=FakeAccessRecords(is_away=True)).record(Action.LIST, Target.CUSTOMER, [])


NAMES = st.sampled_from([*MASKED, *SHOWN - {"_links"}, "owner", "text", "consent", "requestFingerprint", "new"])
PERSONAL = st.text(st.characters(categories=["Lo", "Lu", "Nd"]), min_size=12, max_size=20)


@given(st.dictionaries(NAMES, PERSONAL))
def test_nothing_but_what_somebody_decided_to_show_is_shown(properties: dict[str, str]) -> None:
    body = {name: 30 if name == "customerAge" else value for name, value in properties.items()}

    seen = masked(body)

    assert seen.keys() - {"masked"} == body.keys() & (MASKED.keys() | SHOWN)
    assert seen["masked"] is True
    told = {value for name, value in properties.items() if name in SHOWN}
    hidden = {value for name, value in properties.items() if name not in SHOWN} - told
    assert not any(value in json.dumps(seen, ensure_ascii=False) for value in hidden)


def test_masking_again_changes_nothing() -> None:
    texts = {name: value for name, value in SEEN.items() if name != "customerAge"}

    assert masked(texts) == texts


@pytest.mark.parametrize(
    ("header", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("203.0.113.7:50123", "203.0.113.7"),
        (" 203.0.113.7 , 10.0.0.4:1234", "203.0.113.7"),
        ("203.0.113.7, 203.0.113.7, 10.0.0.4:1234", "203.0.113.7"),
        ("2001:DB8::1", "2001:db8::1"),
        ("[2001:db8::1]:50123, 10.0.0.4", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("fe80::1%hong@example.com", "fe80::1"),
        ("", "unknown"),
        (None, "unknown"),
        ("unknown", "unknown"),
        ("홍길동", "unknown"),
        ("1.2.3.4.5", "unknown"),
        ("1.2.3.4:port", "unknown"),
        (", 203.0.113.7", "unknown"),
        ("01012345678", "unknown"),
    ],
)
def test_the_address_is_the_first_and_nothing_but_an_address(header: str | None, address: str) -> None:
    assert client_address(request(forwarded_for=header)) == address


def test_masked_values_are_not_stored() -> None:
    with pytest.raises(Problem) as refused:
        refuse_masked({"customerName": "홍*동", "customerAddress": "인천광역시 남동구 ***", "customerAge": 20})

    assert refused.value.status == 422
    assert [error.field for error in refused.value.errors] == ["customerName", "customerAddress"]
    refuse_masked({"customerName": "홍길동", "customerAge": 20, "note": "*"})
