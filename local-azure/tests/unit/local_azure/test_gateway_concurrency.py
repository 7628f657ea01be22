import json
import logging

import pytest

from local_azure.gateway.concurrency import ConcurrencyLimit
from local_azure.gateway.requests import Request


def request(path: str = "/orders") -> Request:
    return Request("POST", path.encode(), "1.1", [(b"host", b"a.example")], "127.0.0.1", "127.0.0.1:1", keep_alive=True)


def retry_after(limit: ConcurrencyLimit) -> int:
    return int(dict(limit.refusal(request()).headers)[b"retry-after"])


def test_as_many_as_allowed_are_in_progress() -> None:
    limit = ConcurrencyLimit("POST /orders", 2)

    entered = [limit.enter(), limit.enter(), limit.enter()]
    limit.leave(seconds=1)

    assert [*entered, limit.enter(), limit.enter()] == [True, True, False, True, False]


def test_a_refusal_is_a_problem_document_of_its_request() -> None:
    answer = ConcurrencyLimit("POST /orders", 2).refusal(request('/orders/"x"'))

    assert (answer.status, dict(answer.headers)[b"content-type"]) == (503, b"application/problem+json")
    assert dict(answer.headers)[b"content-length"] == str(len(answer.body)).encode()
    document = json.loads(answer.body)
    assert len(document.pop("traceId")) == 32
    assert document == {
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "detail": "2 of these requests are in progress, and no more are accepted.",
        "instance": '/orders/"x"',
    }


def test_a_client_is_told_to_wait_as_long_as_those_before_it_are_served() -> None:
    limit = ConcurrencyLimit("POST /orders", 2)
    told = [retry_after(limit)]

    for seconds in (0.2, 6.4):
        limit.enter()
        limit.leave(seconds)
    limit.look_back()
    told.append(retry_after(limit))
    limit.look_back()
    told.append(retry_after(limit))
    limit.enter()
    limit.leave(0.01)
    limit.look_back()
    told.append(retry_after(limit))

    # As for every other 503; the mean of 3.3 s; nothing is known of another second; never at once.
    assert told == [2, 4, 4, 1]


def test_refusals_are_logged_together(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    limit = ConcurrencyLimit("POST /orders", 1)
    for _ in range(4):
        limit.enter()

    limit.look_back()
    limit.look_back()

    assert caplog.messages == ["POST /orders: refused 3 requests beyond 1 in progress"]
