import json
from types import SimpleNamespace
from typing import cast

import azure.functions as func
import pytest

from shared.domain import errors
from shared.domain.errors import DomainError
from shared.http.edge import http_function

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
CONTEXT = cast(
    func.Context, SimpleNamespace(function_name="f", trace_context=SimpleNamespace(trace_parent=TRACEPARENT))
)
REQUEST = func.HttpRequest("GET", "http://localhost/customers/1?secret=1", body=b"")

OUTCOMES: list[tuple[DomainError, int]] = [
    (errors.NotFound("x"), 404),
    (errors.AlreadyExists("x"), 409),
    (errors.MessageAlreadySent("x"), 409),
    (errors.PreconditionFailed("x"), 412),
    (errors.IdempotencyKeyReused("x"), 422),
    (errors.KakaoRefused("x"), 422),
    (errors.ProviderRefused("p", "recipient_blocked", "x"), 422),
    (errors.KakaoUnavailable("timeout", 1.2), 503),
    (errors.StoreUnavailable("x", 2), 503),
    (errors.PublisherUnavailable("x", 0), 503),
    (errors.ProviderUnavailable("x", 2), 503),
]


async def answer_to(error: Exception) -> func.HttpResponse:
    @http_function
    async def failing(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
        raise error

    return await failing(REQUEST, CONTEXT)


@pytest.mark.parametrize(("error", "status"), OUTCOMES)
async def test_every_error_of_the_domain_has_its_answer(error: DomainError, status: int) -> None:
    answer = await answer_to(error)

    problem = json.loads(answer.get_body())
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    assert (problem["status"], problem["instance"]) == (status, "/customers/1")
    assert problem["traceId"] == "0af7651916cd43dd8448eb211c80319c"


def test_no_error_of_the_domain_is_forgotten() -> None:
    concrete = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, DomainError)}

    assert {type(error) for error, _ in OUTCOMES} == concrete - {DomainError, errors.Unavailable}


@pytest.mark.parametrize(("seconds", "header"), [(0, "1"), (1.2, "2"), (10, "10")])
async def test_retry_after_is_in_whole_seconds_and_never_zero(seconds: float, header: str) -> None:
    assert (await answer_to(errors.StoreUnavailable("x", seconds))).headers["Retry-After"] == header


async def test_an_unexpected_error_reveals_its_trace_and_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    answer = await answer_to(ValueError("secret-name"))

    assert answer.status_code == 500
    assert "secret" not in answer.get_body().decode()
    assert "secret" not in caplog.text
    assert "ValueError" in caplog.text
    assert "0af7651916cd43dd8448eb211c80319c" in caplog.text
    assert "Traceback" not in caplog.text
