"""How the probe and the watch judge responses, also incomplete ones."""

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tools.delivery import watch
from tools.delivery.watch import Watch
from tools.play import probe
from tools.play.apps import COLLECTIONS

BODY = b'{"traceId": "1"}'
DEADLINE_SECONDS = 60
RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER: on, for no seconds


class Gateway(BaseHTTPRequestHandler):
    """Responds as `answers` says, from the path and its earlier calls: with a status, or in how it breaks off."""

    answers: Callable[[str, int], int | str] = staticmethod(lambda _, __: 404)
    called: dict[str, int] = {}  # noqa: RUF012 set by tests
    released = threading.Event()

    def do_GET(self) -> None:
        before = self.called.get(self.path, 0)
        self.called[self.path] = before + 1
        answer = self.answers(self.path, before)
        self.send_response(404 if isinstance(answer, str) else answer)
        self.send_header("Content-Length", str(len(BODY) + (100 if isinstance(answer, str) else 0)))
        self.end_headers()
        self.wfile.write(BODY)
        if answer == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            self.wfile.close()
            self.rfile.close()
            self.connection.close()
        elif answer == "hang":
            self.released.wait(DEADLINE_SECONDS)

    def log_message(self, *_: object) -> None:
        """Keeps the test's output clean."""


class Server(ThreadingHTTPServer):
    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        """Closes without a shutdown, which would turn a reset into a normal end."""
        self.close_request(request)


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(Gateway, "called", {})
    monkeypatch.setattr(Gateway, "released", threading.Event())
    with Server(("127.0.0.1", 0), Gateway) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        Gateway.released.set()
        server.shutdown()


def answering(monkeypatch: pytest.MonkeyPatch, answers: Callable[[str, int], int | str]) -> None:
    monkeypatch.setattr(Gateway, "answers", staticmethod(answers))


def wait_until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (404, None),
        (401, None),  # where customers sign in
        (403, "status 403"),
        (200, "status 200"),
        (502, "status 502"),
        ("end", "IncompleteRead"),
        ("reset", "ConnectionResetError"),
        ("hang", "TimeoutError"),
    ],
)
def test_the_probe_says_what_is_wrong_with_a_response_even_if_it_breaks_off(
    gateway: str, monkeypatch: pytest.MonkeyPatch, answer: int | str, failure: str | None
) -> None:
    monkeypatch.setattr(probe, "CALL_SECONDS", 0.5)
    answering(monkeypatch, lambda _, __: answer)

    assert probe.failure(gateway, "customers") == failure


def test_failures_after_an_incomplete_response_are_still_noticed(gateway: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, lambda _, before: (404, "end", 500)[min(before, 2)])

    with Watch(gateway, 0.01) as watching:
        wait_until(lambda: "customers: status 500" in watching.failures)

    assert "customers: IncompleteRead" in watching.failures
    assert watching.gaps() == []


def test_a_service_is_watched_from_its_first_good_response(gateway: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, lambda _, before: 404 if before == 2 else 503)

    with Watch(gateway, 0.01) as watching:
        wait_until(lambda: len(watching.failures) > len(COLLECTIONS))

    assert set(watching.failures) == {"customers: status 503", "kakaos: status 503", "customerViews: status 503"}
    assert watching.calls == len(watching.failures) == sum(Gateway.called.values()) - 3 * len(COLLECTIONS)
    assert watching.gaps() == []


def test_services_that_never_answered_are_reported(gateway: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, lambda path, _: 503 if path.startswith("/kakaos/") else 404)

    with Watch(gateway, 0.01) as watching:
        wait_until(lambda: watching.calls)
        watching.wait_until_all_answered(0.05)

    assert watching.failures == []
    assert watching.gaps() == ["kakaos gave no good response: not watched"]


def test_my_page_is_watched_where_there_is_one(gateway: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, lambda path, before: 404 if path != "/" else (503, 200, 503)[min(before, 2)])

    with Watch(gateway, 0.01, my_page=True) as watching:
        wait_until(lambda: watching.failures)

    assert set(watching.failures) == {"my page: status 503"}
    assert watching.gaps() == []


def test_a_start_page_that_never_answered_is_reported(gateway: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, lambda _, __: 404)

    with Watch(gateway, 0.01, my_page=True) as watching:
        watching.wait_until_all_answered(0.05)

    assert watching.gaps() == ["my page gave no good response: not watched"]


def test_it_waits_only_until_all_services_have_answered(gateway: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, lambda path, before: 503 if path.startswith("/kakaos/") and before < 5 else 404)

    start = time.monotonic()
    with Watch(gateway, 0.01) as watching:
        watching.wait_until_all_answered(DEADLINE_SECONDS)

    assert time.monotonic() < start + DEADLINE_SECONDS
    assert watching.gaps() == []


@pytest.mark.parametrize("good_calls", [0, 4])
def test_a_failed_watch_is_reported(monkeypatch: pytest.MonkeyPatch, good_calls: int) -> None:
    calls = iter(range(good_calls))

    def unforeseen(_: str, __: str) -> None:
        if next(calls, None) is None:
            raise ZeroDivisionError("unforeseen")

    monkeypatch.setattr(probe, "failure", unforeseen)

    with Watch("http://gateway", 0.01) as watching:
        wait_until(lambda: watching.broken)
        watching.wait_until_all_answered(DEADLINE_SECONDS)

    assert watching.failures == []
    assert watching.gaps()[-1] == "the watch failed: ZeroDivisionError('unforeseen')"


def test_a_call_that_never_ends_is_reported(gateway: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "END_SECONDS", 0.05)
    answering(monkeypatch, lambda _, before: "hang" if before else 404)

    with Watch(gateway, 0.01) as watching:
        wait_until(lambda: sum(Gateway.called.values()) > len(COLLECTIONS))

    assert watching.gaps() == ["the watch failed: a call was still running 0.05 s after the end"]
