"""The smoke test calls each app on Azure directly: without a token it must be refused."""

import io
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import aiohttp
import pytest
from rich.console import Console

from shared.settings import Access, Service
from tests.integration.delivery.fake_azure import FakeApps
from tests.integration.delivery.fake_command import FakeCommand
from tools.delivery import sign_in, smoke
from tools.play.narrator import Narrator, StepFailed
from tools.play.system import System

CALL_SECONDS = 5


class Platform(BaseHTTPRequestHandler):
    """Responds to every call as `status` says, from its path, method and token."""

    status: Callable[[str, str, str | None], int] = staticmethod(lambda *_: 401)
    called: list[tuple[str, str, str | None]] = []  # noqa: RUF012 set by tests

    def do_GET(self) -> None:
        call = (self.path, self.command, self.headers.get("Authorization"))
        self.called.append(call)
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(self.status(*call))
        self.send_header("Location", "/customers/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Keeps the test's output clean."""


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(Platform, "called", [])
    with ThreadingHTTPServer(("127.0.0.1", 0), Platform) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


async def expect_refusals(url: str, *apps: Service) -> str:
    """What is shown."""
    shown = io.StringIO()
    async with System.at(url, CALL_SECONDS) as system:
        narrator = Narrator(system, Console(file=shown, width=200))
        await sign_in.expect_refusals(narrator, dict.fromkeys(apps or tuple(Service), url), CALL_SECONDS)
    return shown.getvalue()


async def test_each_app_is_called_without_a_token_with_a_wrong_one_and_with_a_message(platform: str) -> None:
    shown = await expect_refusals(platform)

    assert shown.count("✔") == 12
    assert {(path.split("/")[1], method, token) for path, method, token in Platform.called} == {
        (collection, *rest)
        for collection in ("customers", "kakaos", "customerViews", "my")
        for rest in (("GET", None), ("GET", "Bearer made.up.token"), ("POST", None))
    }


@pytest.mark.parametrize("status", [200, 404, 403, 302, 500])
async def test_any_other_response_fails_the_test(platform: str, monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    monkeypatch.setattr(Platform, "status", staticmethod(lambda path, *_: status if "/kakaos" in path else 401))

    with pytest.raises(StepFailed, match=rf"kakao refuses a call without a token \(.*: {status}, expected 401\)"):
        await expect_refusals(platform)


async def test_a_platform_that_accepts_any_token_or_any_message_is_found(
    platform: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Platform, "status", staticmethod(lambda _, __, token: 404 if token else 401))
    with pytest.raises(StepFailed, match="a made-up token"):
        await expect_refusals(platform, Service.CUSTOMER)

    monkeypatch.setattr(Platform, "status", staticmethod(lambda _, method, __: 400 if method == "POST" else 401))
    with pytest.raises(StepFailed, match="a message without a token"):
        await expect_refusals(platform, Service.KAKAO)


async def test_an_app_that_does_not_respond_is_not_taken_for_one_that_refuses(platform: str) -> None:
    with pytest.raises(aiohttp.ClientError):
        await expect_refusals("http://127.0.0.1:1", Service.KAKAO)


async def test_all_apps_must_agree_on_who_may_call(apps: str, monkeypatch: pytest.MonkeyPatch) -> None:
    urls = {app: f"{apps}/{app}" for app in Service}
    shown = io.StringIO()

    async def expect_customers() -> None:
        async with System.at(apps, CALL_SECONDS) as system:
            narrator = Narrator(system, Console(file=shown, width=200))
            await sign_in.expect_access(narrator, urls, Access.CUSTOMERS, CALL_SECONDS)

    monkeypatch.setattr(FakeApps, "access", dict.fromkeys(Service, "customers"))
    await expect_customers()
    assert shown.getvalue().count("✔") == len(Service)

    monkeypatch.setattr(FakeApps, "access", {**FakeApps.access, Service.CUSTOMERVIEW: "open"})
    with pytest.raises(StepFailed, match="customerview says who may call: open, expected customers"):
        await expect_customers()


def test_the_addresses_come_from_the_deployment(az: FakeCommand, apps: str) -> None:
    tested = smoke.deployed("dev")

    by_name = {app: f"{apps}/{app}" for app in Service}
    assert tested == smoke.Tested(f"{apps}/gateway", by_name, pages=f"{apps}/gateway")


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["--url", "https://gateway", "--app", "kakao"], "--app '': give an address such as"),
        (["--url", "https://gateway", "--app", "views=https://x"], "the apps are customer, kakao, customerview"),
        (["--url", "https://gateway", "--app", "kakao=x"], "--app 'x': give an address such as"),
        (["--environment", ""], "--environment '': name one of dev, "),
        (["--environment", "dev"], "has not been deployed yet"),
        ([], "--environment --url is required"),
    ],
)
def test_an_address_that_is_not_known_is_refused(
    az: FakeCommand, capsys: pytest.CaptureFixture[str], arguments: list[str], shown: str
) -> None:
    az.answers("deployment group show", code=3, error="DeploymentNotFound")

    with pytest.raises(SystemExit, match="2"):
        smoke.main(arguments)

    assert shown in capsys.readouterr().err
