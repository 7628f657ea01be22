"""How what is a customer's own looks from outside."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import azure.functions as func

from shared.domain.callers import Owner
from shared.domain.customer_view import CustomerView
from shared.domain.kakao_message import KakaoMessage
from shared.domain.record import rfc3339
from shared.domain.registration import Registration
from shared.http.hal import Properties, hal_response, properties_of
from shared.http.registrations import customer_url, registration_url
from shared.use_cases.own import OwnRegistration, StoredDocument

OWN_REGISTRATION: Final = "me/registration"
OWN_DATA: Final = "me/data"
FILE_NAME: Final = "ssak8-data.json"
PENDING: Final = "PENDING"
"""The status of a registration that is pending. The others are those of views."""

VIEW: Final = "view"
"""The kind of the only documents that do not say theirs."""


def own_registration_response(base_url: str, own: OwnRegistration) -> func.HttpResponse:
    """The registration, and what KakaoTalk said about it."""
    properties = (
        _of_pending(own.registration) if isinstance(own.registration, Registration) else _of_view(own.registration)
    )
    registration_id = own.registration.customer_id
    links = {
        "self": {"href": f"{base_url}/{OWN_REGISTRATION}"},
        "registration": {"href": registration_url(base_url, registration_id)},
    }
    if isinstance(own.registration, CustomerView):
        links["customer"] = {"href": customer_url(base_url, registration_id)}
    messages = [_message(each) for each in own.messages]
    return hal_response({"id": registration_id, **properties, "messages": messages, "_links": links})


def _of_view(view: CustomerView) -> Properties:
    properties = properties_of(view)
    del properties["customerId"]
    return properties


def _of_pending(registration: Registration) -> Properties:
    details = properties_of(registration.details) if registration.details else {}
    moments = {"acceptedAt": rfc3339(registration.accepted_at)}
    if registration.expires_at:
        moments["expiresAt"] = rfc3339(registration.expires_at)
    return {**details, "status": PENDING, **moments}


def _message(message: KakaoMessage) -> dict[str, str]:
    return {"kind": message.kind.value, "status": message.status, "sentAt": rfc3339(message.sent_at)}


def own_data_response(owner: Owner, documents: Sequence[StoredDocument], now: datetime) -> func.HttpResponse:
    """Everything as it is stored, for a file. No cache may keep it."""
    body = {"owner": owner, "collectedAt": rfc3339(now), "documents": [_document(each) for each in documents]}
    return func.HttpResponse(
        json.dumps(body, ensure_ascii=False, indent=2) + "\n",
        headers={"Content-Disposition": f'attachment; filename="{FILE_NAME}"', "Cache-Control": "no-store"},
        mimetype="application/json",
        charset="utf-8",
    )


def _document(stored: StoredDocument) -> dict[str, Any]:
    return {"container": stored.container, "kind": stored.content.get("type", VIEW), "content": stored.content}
