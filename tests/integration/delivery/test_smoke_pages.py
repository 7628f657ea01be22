"""What the smoke test expects of my page."""

import io
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from rich.console import Console

from tools.delivery import smoke_pages
from tools.play.narrator import Narrator, StepFailed
from tools.play.system import System

CALL_SECONDS = 5
ISSUER = "https://kauth.kakao.com/oauth/authorize"


@dataclass(frozen=True)
class Pages:
    """How my page answers. `back`: where the issuers send people, after the address of my page."""

    start: int = 200
    unknown: int = 404
    media_type: str = "text/html; charset=utf-8"
    sign_in: int = 302
    issuer: str = ISSUER
    back: str = "{path}/callback"
    challenge: str = "S256"
    headers: dict[str, str] = field(
        default_factory=lambda: {"Content-Security-Policy": "default-src 'none'; script-src 'self'"}
    )
    cookie: str = "login=sealed; path=/; httponly"


class MyPage(BaseHTTPRequestHandler):
    pages = Pages()

    def do_GET(self) -> None:
        here = f"http://{self.headers['Host']}"
        pages = self.pages
        if self.path.endswith("/login"):
            self.send_response(pages.sign_in)
            back = here + pages.back.format(path=self.path)
            query = f"client_id=key&redirect_uri={back}&code_challenge_method={pages.challenge}"
            self.send_header("Location", f"{pages.issuer}?{query}")
            self.send_header("Set-Cookie", pages.cookie)
        else:
            self.send_response(pages.start if self.path == "/" else pages.unknown)
            self.send_header("Content-Type", pages.media_type)
            for name, value in pages.headers.items():
                self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keeps the test's output clean."""


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), MyPage) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


async def play(address: str, *, expected: bool = True) -> str:
    """What is shown."""
    shown = io.StringIO()
    async with System.at(address, CALL_SECONDS) as system:
        narrator = Narrator(system, Console(file=shown, width=200))
        await smoke_pages.play(narrator, address + "/", expected=expected, call_seconds=CALL_SECONDS)
    return shown.getvalue()


async def test_the_pages_are_there_and_lead_to_both_issuers(address: str) -> None:
    shown = await play(address)

    assert "GET /login leads to Kakao: 302" in shown
    assert "GET /operators/login leads to Entra ID: 302" in shown
    assert f"back to {address}/operators/login/callback" in shown


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"start": 503}, "GET /: 503, expected 200"),
        ({"start": 404}, "GET /: 404, expected 200"),
        ({"media_type": "application/json"}, "GET /: application/json, expected text/html"),
        ({"unknown": 200}, "GET /no-such-page: 200, expected 404"),
        ({"headers": {}}, "policy"),
        ({"sign_in": 503}, "GET /login leads to Kakao: 503, expected 302"),
        ({"issuer": "/elsewhere"}, "to another address"),
        # PUBLIC_BASE_URL is that of another environment.
        ({"back": ".example.org{path}/callback"}, "and from there back to"),
        ({"challenge": ""}, "code challenge"),
        ({"cookie": "login=sealed"}, "lies in a cookie"),
    ],
)
async def test_a_wrong_answer_fails_the_test(
    address: str, wrong: dict[str, object], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MyPage, "pages", replace(Pages(), **wrong))  # type: ignore[arg-type]  # its own fields

    with pytest.raises(StepFailed, match=message.replace(".", "[.]")):
        await play(address)


@pytest.mark.parametrize("start", [200, 404])
async def test_a_system_without_pages_passes_where_none_are_expected(
    address: str, start: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MyPage, "pages", Pages(start=start, headers={}))

    assert "Left out: this system has no pages." in await play(address, expected=False)
