"""Problem details (RFC 9457): the one table from errors to the responses that clients get."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import azure.functions as func

from shared.domain.errors import (
    AlreadyExists,
    AlreadyRegistered,
    DomainError,
    Forbidden,
    IdempotencyKeyReused,
    KakaoRefused,
    MessageAlreadySent,
    NotFound,
    PreconditionFailed,
    ProviderBusy,
    ProviderRefused,
    RegistrationEnded,
    TooLateToWithdraw,
    TooYoung,
    Unauthenticated,
    Unavailable,
)
from shared.domain.registration import RegistrationStatus
from shared.telemetry import trace_id

# Problems whose beginning is kept: their texts are few, and a refusal must cost next to nothing.
KEPT_PROBLEMS: Final = 64

MEDIA_TYPE = "application/problem+json"
PROBLEM_TYPES = "urn:ssak8:problem:"


@dataclass(frozen=True)
class InvalidField:
    """A field, and why its value was refused. The value itself is not repeated."""

    field: str
    reason: str


@dataclass
class Problem(Exception):
    """An error as a response. `name` is the end of the problem's type URI."""

    status: int
    name: str
    title: str
    detail: str
    errors: Sequence[InvalidField] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


_ANSWERS: Mapping[type[DomainError], tuple[int, str, str]] = {
    NotFound: (404, "not-found", "Not found"),
    AlreadyExists: (409, "already-exists", "Already exists"),
    AlreadyRegistered: (409, "already-registered", "Already registered"),
    MessageAlreadySent: (409, "message-already-sent", "Message already sent"),
    TooLateToWithdraw: (409, "too-late", "Too late to withdraw"),
    PreconditionFailed: (412, "precondition-failed", "Precondition failed"),
    IdempotencyKeyReused: (422, "idempotency-key-reused", "Idempotency-Key reused"),
    KakaoRefused: (422, "kakao-refused", "KakaoTalk refused"),
    TooYoung: (422, "too-young", "Too young"),
    ProviderRefused: (422, "provider-refused", "KakaoTalk provider refused"),
}


def problem_of(error: DomainError) -> Problem:
    """The response to an error of the domain."""
    if isinstance(error, Unavailable):
        headers = {"Retry-After": str(max(1, math.ceil(error.retry_after)))}
        if isinstance(error, ProviderBusy):
            # Exactly when nothing was sent: the customer app relies on it.
            return Problem(429, "busy", "Too many messages", str(error), headers=headers)
        return Problem(503, "unavailable", "Try again in a moment", str(error), headers=headers)
    if isinstance(error, RegistrationEnded):
        return _ended(error)
    if isinstance(error, Unauthenticated):
        # Nothing about an error where no token came (RFC 6750 §3.1).
        challenge = 'Bearer error="invalid_token"' if error.token_sent else "Bearer"
        return Problem(401, "unauthenticated", "Not signed in", str(error), headers={"WWW-Authenticate": challenge})
    if isinstance(error, Forbidden):
        challenge = 'Bearer error="insufficient_scope"'
        return Problem(403, "forbidden", "Not allowed", str(error), headers={"WWW-Authenticate": challenge})
    status, name, title = _ANSWERS[type(error)]
    return Problem(status, name, title, str(error))


def _ended(error: RegistrationEnded) -> Problem:
    """The answer that an idempotency key repeats. Nothing becomes of a registration that has ended."""
    advice = f"{error} To register, send the request with a new Idempotency-Key."
    if error.status == RegistrationStatus.REFUSED:
        return Problem(422, "kakao-refused", "KakaoTalk refused", advice)
    return Problem(410, "registration-ended", "Registration ended", advice)


def internal_error() -> Problem:
    """The response to an unexpected error. Its trace id leads to the log; nothing else is revealed."""
    return Problem(500, "internal", "Internal error", "This is our fault. Please report the trace id.")


def render_problem(problem: Problem, instance: str, trace: str | None = None) -> func.HttpResponse:
    """`instance`: the path of the request; `trace`: its trace id, else that of the current trace."""
    rest: dict[str, Any] = {"instance": instance, "traceId": trace or trace_id()}
    if problem.errors:
        rest["errors"] = [{"field": error.field, "reason": error.reason} for error in problem.errors]
    beginning = _beginning(problem.name, problem.title, problem.status, problem.detail)
    return func.HttpResponse(
        f"{beginning}, {_JSON.encode(rest).removeprefix('{')}",
        status_code=problem.status,
        headers={**problem.headers, "Cache-Control": "no-store"},
        mimetype=MEDIA_TYPE,
        charset="utf-8",
    )


_JSON: Final = json.JSONEncoder(ensure_ascii=False)


@lru_cache(KEPT_PROBLEMS)
def _beginning(name: str, title: str, status: int, detail: str) -> str:
    """The JSON of a problem without its end."""
    members = {"type": PROBLEM_TYPES + name, "title": title, "status": status, "detail": detail}
    return _JSON.encode(members).removesuffix("}")
