import time

import azure.functions as func
import pytest

from shared.http.preferences import LONGEST, prefers_async


def request(prefer: str | None) -> func.HttpRequest:
    headers = {} if prefer is None else {"Prefer": prefer}
    return func.HttpRequest("POST", "http://localhost/customers", headers=headers, body=b"")


@pytest.mark.parametrize(
    "prefer",
    [
        "respond-async",
        "Respond-Async",
        " respond-async ",
        "respond-async, wait=10",
        "wait=10, respond-async",
        "return=minimal,respond-async",
        "respond-async; foo=bar",
        "respond-async;foo",
        'respond-async ; foo="a, b; c"',
        'respond-async=""',
        "respond-async =",
        "respond-async, respond-async=later",
        ",, respond-async,",
        'foo="a, respond-async=no \\" , b", respond-async',
        "handling=lenient; respond-sync, respond-async",
    ],
)
def test_the_preference_is_found_wherever_it_may_stand(prefer: str) -> None:
    assert prefers_async(request(prefer))


@pytest.mark.parametrize(
    "prefer",
    [
        None,
        "",
        "respond-sync",
        "respond-asynchronously",
        "x-respond-async",
        "respond-async=10",
        "respond-async=10, respond-async",
        'foo="respond-async"',
        'foo="a, respond-async, b"',
        'foo="\\", respond-async"',
        "foo; respond-async",
        "wait=respond-async",
        '"respond-async"',
    ],
)
def test_anything_else_is_no_such_preference(prefer: str | None) -> None:
    assert not prefers_async(request(prefer))


@pytest.mark.parametrize("text", ['"\\', '"', ";", " ", "=", '\\"', 'a"'])
def test_no_header_takes_long_to_read(text: str) -> None:
    started = time.process_time()

    for length in (LONGEST, 100_000):
        prefers_async(request((text * length)[:length]))

    assert time.process_time() - started < 0.5
