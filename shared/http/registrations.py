"""How a registration looks from outside, whether it was postponed or not."""

from typing import Final

import azure.functions as func

from shared.domain.errors import AlreadyRegistered
from shared.domain.record import rfc3339
from shared.domain.registration import Registration, RegistrationStatus
from shared.http.hal import Properties, hal_response
from shared.http.operators import Disclosure
from shared.http.preferences import RESPOND_ASYNC
from shared.http.problems import Problem, problem_of
from shared.use_cases.deferred_run import SECONDS_BETWEEN_RUNS

COLLECTION: Final = "registrations"


def registration_url(base_url: str, registration_id: str) -> str:
    return f"{base_url}/{COLLECTION}/{registration_id}"


def customer_url(base_url: str, customer_id: str) -> str:
    return f"{base_url}/customers/{customer_id}"


def registration_response(base_url: str, registration: Registration, shown: Disclosure) -> func.HttpResponse:
    """What has become of it. While it is pending, Retry-After says when it may have changed."""
    return hal_response(shown.of(_properties(base_url, registration)), headers=_retry_after(registration))


def postponed_response(base_url: str, registration: Registration, *, is_preferred: bool) -> func.HttpResponse:
    """202 for a pending registration. `is_preferred`: the request asked for it (RFC 7240 §3)."""
    headers = {"Location": registration_url(base_url, registration.customer_id), **_retry_after(registration)}
    if is_preferred:
        headers["Preference-Applied"] = RESPOND_ASYNC
    return hal_response(_properties(base_url, registration), 202, headers)


def already_registered(base_url: str, error: AlreadyRegistered) -> Problem:
    """409, with a link to the registration that this person has."""
    problem = problem_of(error)
    problem.headers = {"Link": f'<{registration_url(base_url, error.registration_id)}>; rel="registration"'}
    return problem


def _retry_after(registration: Registration) -> dict[str, str]:
    return {"Retry-After": str(SECONDS_BETWEEN_RUNS)} if registration.is_pending else {}


def _properties(base_url: str, registration: Registration) -> Properties:
    properties: Properties = {
        "id": registration.customer_id,
        "status": registration.status.value,
        "acceptedAt": rfc3339(registration.accepted_at),
    }
    if registration.is_pending and registration.expires_at:
        properties["expiresAt"] = rfc3339(registration.expires_at)
    if registration.reason:
        properties["reason"] = registration.reason
    links = {"self": {"href": registration_url(base_url, registration.customer_id)}}
    if registration.status is RegistrationStatus.REGISTERED:
        links["customer"] = {"href": customer_url(base_url, registration.customer_id)}
    return {**properties, "_links": links}
