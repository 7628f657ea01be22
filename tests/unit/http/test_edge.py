import json
from types import SimpleNamespace
from typing import cast

import azure.functions as func
import pytest

from shared.domain import errors
from shared.domain.errors import DomainError
from shared.http.edge import admitted_http_function, http_function
from shared.use_cases.admitting import AdmitRegistration, Slot
from shared.use_cases.deadline import Deadline

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
CONTEXT = cast(
    func.Context, SimpleNamespace(function_name="f", trace_context=SimpleNamespace(trace_parent=TRACEPARENT))
)
REQUEST = func.HttpRequest("GET", "http://localhost/customers/1?secret=1", body=b"")

OUTCOMES: list[tuple[DomainError, int]] = [
    (errors.NotFound("x"), 404),
    (errors.Unauthenticated("x"), 401),
    (errors.Unauthenticated("x", token_sent=False), 401),
    (errors.Forbidden("x"), 403),
    (errors.AlreadyExists("x"), 409),
    (errors.AlreadyRegistered("1"), 409),
    (errors.MessageAlreadySent("x"), 409),
    (errors.TooLateToWithdraw("expired"), 409),
    (errors.RegistrationEnded("expired"), 410),
    (errors.RegistrationEnded("withdrawn"), 410),
    (errors.RegistrationEnded("refused", "x"), 422),
    (errors.PreconditionFailed("x"), 412),
    (errors.IdempotencyKeyReused("x"), 422),
    (errors.KakaoRefused("x"), 422),
    (errors.TooYoung(14), 422),
    (errors.ProviderRefused("p", "recipient_blocked", "x"), 422),
    (errors.KakaoUnavailable("timeout", 1.2), 503),
    (errors.KakaoBusy("busy", 1), 503),
    (errors.Overloaded("queue too long", 2), 503),
    (errors.StoreUnavailable("x", 2), 503),
    (errors.PublisherUnavailable("x", 0), 503),
    (errors.ProviderUnavailable("x", 2), 503),
    (errors.ProviderBusy("x", 2), 429),
    # kakao's 429 is no fault of the customer.
    (errors.KakaoBusy("busy", 2), 503),
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


class Kakao:
    """It raises `failure`, if set."""

    failure: errors.KakaoUnavailable | None = None

    def check_takes_new(self) -> None:
        if self.failure:
            raise self.failure


class Queue:
    """It lets everybody in, or nobody. Remembers what became of the slots."""

    def __init__(self, *, full: bool = False) -> None:
        self._full = full
        self.served: list[bool] = []
        self.entered = 0

    async def enter(self) -> Slot:
        self.entered += 1
        if self._full:
            raise errors.Overloaded("queue too long", 1.7)
        return Slot(Deadline.after(2), 0, 0)

    def leave(self, slot: Slot) -> None:
        self.served.append(slot.served)


class Unread(func.HttpRequest):
    def get_body(self) -> bytes:
        raise AssertionError("read")


class Admitting:
    def __init__(self, queue: Queue) -> None:
        self.queue = queue
        self.kakao = Kakao()
        self.counted: list[DomainError] = []
        self.caller: str | DomainError = "caller"

    async def answer(
        self, request: func.HttpRequest, error: Exception | None = None, status: int = 200
    ) -> func.HttpResponse:
        async def opened() -> None: ...

        async def who_calls(_: func.HttpRequest) -> str:
            if isinstance(self.caller, DomainError):
                raise self.caller
            return self.caller

        async def postpone(_: func.HttpRequest, caller: str) -> func.HttpResponse:
            assert caller == "caller"
            if error:
                raise error
            return func.HttpResponse("postponed", status_code=202)

        admit = AdmitRegistration(self.queue, self.kakao, opened, self.counted.append)

        @admitted_http_function(who_calls, lambda: admit, if_async=postpone)
        async def handle(request: func.HttpRequest, caller: str, deadline: Deadline) -> func.HttpResponse:
            assert caller == "caller"
            if error:
                raise error
            return func.HttpResponse(f"{deadline.left() > 1}", status_code=status)

        return await handle(request, CONTEXT)


async def test_a_request_for_which_there_is_no_time_is_refused_without_being_read_or_traced() -> None:
    admitting = Admitting(Queue(full=True))

    answer = await admitting.answer(Unread("POST", "http://localhost/customers", body=b"{}"))

    assert (answer.status_code, answer.mimetype) == (503, "application/problem+json")
    assert answer.headers["Retry-After"] == "2"
    assert json.loads(answer.get_body()) == {
        "type": "urn:ssak8:problem:unavailable",
        "title": "Try again in a moment",
        "status": 503,
        "detail": "This could not be done in time (queue too long); nothing was changed.",
        "instance": "/customers",
        "traceId": "0af7651916cd43dd8448eb211c80319c",
    }
    assert [str(error) for error in admitting.counted] == [str(errors.Overloaded("queue too long", 1.7))]
    assert admitting.queue.served == []


async def test_while_the_circuit_is_open_a_request_needs_no_slot_but_one_with_a_key_may_have_its_answer_already() -> (
    None
):
    admitting = Admitting(Queue())
    admitting.kakao.failure = errors.KakaoUnavailable("circuit open", 8)

    refused = await admitting.answer(REQUEST)
    again = func.HttpRequest("POST", "http://localhost/customers", headers={"Idempotency-Key": "key"}, body=b"")
    answered = await admitting.answer(again)

    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "8")
    assert (answered.status_code, answered.get_body()) == (200, b"True")


@pytest.mark.parametrize("prefer", [{}, {"Prefer": "respond-async"}])
@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.Unauthenticated("x", token_sent=False), 401),
        (errors.Forbidden("x"), 403),
        (errors.Unavailable("The keys of Entra ID could not be fetched.", 5), 503),
    ],
)
async def test_whoever_may_not_call_is_refused_before_being_admitted_read_or_traced(
    error: DomainError, status: int, prefer: dict[str, str]
) -> None:
    admitting = Admitting(Queue())
    admitting.caller = error

    answer = await admitting.answer(Unread("POST", "http://localhost/customers", headers=prefer, body=b"{}"))

    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    assert json.loads(answer.get_body())["traceId"] == "0af7651916cd43dd8448eb211c80319c"
    assert (admitting.queue.entered, admitting.queue.served, admitting.counted) == (0, [], [])


@pytest.mark.parametrize(
    ("error", "served"),
    [
        (None, True),
        (errors.KakaoRefused("x"), True),
        (errors.KakaoUnavailable("timeout", 2), False),
        (ValueError(), True),
    ],
)
async def test_the_slot_is_given_back_with_what_became_of_it(error: Exception | None, *, served: bool) -> None:
    admitting = Admitting(Queue())

    await admitting.answer(REQUEST, error)

    assert admitting.queue.served == [served]
    assert admitting.counted == []


ASYNC = func.HttpRequest("POST", "http://localhost/customers", headers={"Prefer": "respond-async"}, body=b"")


@pytest.mark.parametrize("full", [True, False])
async def test_whoever_would_rather_wait_is_postponed_instead_of_refused_and_not_counted(*, full: bool) -> None:
    admitting = Admitting(Queue(full=full))
    admitting.kakao.failure = None if full else errors.KakaoUnavailable("circuit open", 8)

    answer = await admitting.answer(ASYNC)

    assert (answer.status_code, answer.get_body()) == (202, b"postponed")
    assert admitting.counted == []


async def test_whoever_would_rather_wait_is_registered_at_once_if_that_is_possible() -> None:
    answer = await Admitting(Queue()).answer(ASYNC)

    assert (answer.status_code, answer.get_body()) == (200, b"True")


async def test_without_a_database_nothing_is_postponed() -> None:
    answer = await Admitting(Queue(full=True)).answer(ASYNC, errors.StoreUnavailable("The database is away.", 2))

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert json.loads(answer.get_body())["detail"] == "The database is away."


async def test_a_slot_whose_registration_had_to_be_postponed_was_in_vain() -> None:
    admitting = Admitting(Queue())

    await admitting.answer(ASYNC, status=202)

    assert admitting.queue.served == [False]


async def test_an_ended_registration_says_how_to_register_again() -> None:
    expired = json.loads((await answer_to(errors.RegistrationEnded("expired"))).get_body())
    refused = json.loads((await answer_to(errors.RegistrationEnded("refused", "KakaoTalk refuses."))).get_body())

    advice = "To register, send the request with a new Idempotency-Key."
    assert expired["detail"] == f"This registration has ended: expired. {advice}"
    assert refused["detail"] == f"KakaoTalk refuses. {advice}"
