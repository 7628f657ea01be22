"""How what is a customer's own looks from outside."""

import json
from datetime import timedelta

from shared.domain.callers import Owner
from shared.domain.customer import Customer, Signature
from shared.domain.customer_view import CustomerView
from shared.domain.kakao_message import KakaoMessage, KakaoMessageRequest, MessageKind, Receipt
from shared.domain.registration import Registration
from shared.http.own import own_data_response, own_registration_response
from shared.use_cases.own import OwnRegistration, StoredDocument
from tests.unit.fakes import CUSTOMER_ID, START, WITH_PHONE

OWNER = Owner("kakao:1")
VIEW = CustomerView.from_record(
    Customer.register(CUSTOMER_ID, WITH_PHONE, START, Signature(OWNER)), status="REGISTERED"
)
PENDING = Registration.postponed(CUSTOMER_ID, WITH_PHONE, START, timedelta(days=1), Signature(OWNER))
REQUEST = KakaoMessageRequest.from_record(WITH_PHONE, customer_id=CUSTOMER_ID, kind=MessageKind.REGISTERED)
MESSAGE = KakaoMessage.sent(REQUEST, Receipt(provider="fake", receipt_id="1", status="accepted", text="hi"), START)
BASE_URL = "https://ssak8.example.com"
DETAILS = {
    "customerName": "yeon",
    "customerAddress": "incheon",
    "customerAge": 20,
    "customerPhone": "010-2345-6789",
}
SENT = [{"kind": "registered", "status": "accepted", "sentAt": "2026-01-02T03:04:05.678Z"}]
LINKS = {
    "self": {"href": f"{BASE_URL}/me/registration"},
    "registration": {"href": f"{BASE_URL}/registrations/{CUSTOMER_ID}"},
}


def test_a_customer_sees_the_details_and_what_was_sent() -> None:
    answer = own_registration_response(BASE_URL, OwnRegistration(VIEW, [MESSAGE]))

    assert answer.headers["Cache-Control"] == "no-store"
    assert json.loads(answer.get_body()) == {
        "id": CUSTOMER_ID,
        **DETAILS,
        "status": "REGISTERED",
        "version": 1,
        "registeredAt": "2026-01-02T03:04:05.678Z",
        "messages": SENT,
        "_links": {**LINKS, "customer": {"href": f"{BASE_URL}/customers/{CUSTOMER_ID}"}},
    }


def test_a_pending_registration_has_no_customer_yet() -> None:
    answer = own_registration_response(BASE_URL, OwnRegistration(PENDING, []))

    assert json.loads(answer.get_body()) == {
        "id": CUSTOMER_ID,
        **DETAILS,
        "status": "PENDING",
        "acceptedAt": "2026-01-02T03:04:05.678Z",
        "expiresAt": "2026-01-03T03:04:05.678Z",
        "messages": [],
        "_links": LINKS,
    }


def test_the_download_is_a_file_that_says_where_each_document_is_kept() -> None:
    documents = [
        StoredDocument("customers", {"id": "1", "type": "customer", "customerName": "연"}),
        StoredDocument("customerViews", {"id": "1", "status": "REGISTERED"}),
    ]

    answer = own_data_response(OWNER, documents, START)

    assert answer.headers["Content-Disposition"] == 'attachment; filename="ssak8-data.json"'
    assert (answer.mimetype, answer.headers["Cache-Control"]) == ("application/json", "no-store")
    assert "연".encode() in answer.get_body()
    assert json.loads(answer.get_body()) == {
        "owner": "kakao:1",
        "collectedAt": "2026-01-02T03:04:05.678Z",
        "documents": [
            {"container": "customers", "kind": "customer", "content": dict(documents[0].content)},
            {"container": "customerViews", "kind": "view", "content": dict(documents[1].content)},
        ],
    }
