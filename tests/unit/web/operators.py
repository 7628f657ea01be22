"""The operators' pages as the host calls them, with other apps and an Entra ID that answer what a test wants."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, Final, cast
from urllib.parse import urlencode

import azure.functions as func

from web.cookies import SealedCookie
from web.edge import Edge, Handler
from web.operator_sessions import OperatorSessions
from web.pages.operator_sign_in import OperatorSignIn
from web.pages.operators import OperatorPages
from web.ports import Answered, Apps, AppsUnavailable, Calling, OperatorToken, SignInAttempt
from web.sessions import Marks, Session, Sessions
from web.visit import Place, Redirect

ORIGIN: Final = "https://ssak8.example"
SECRET: Final = "0123456789abcdef0123456789abcdef"
NOW: Final = datetime(2026, 11, 26, 1, 2, 3, tzinfo=UTC)
TOKEN: Final = "aaaa.bbbb.cccc"
CONTEXT: Final = cast(
    func.Context, SimpleNamespace(function_name="f", trace_context=SimpleNamespace(trace_parent="00-00-00-00"))
)


class NoTokens:
    """No customer has signed in."""

    def issue(self, subject: str, signed_in_at: datetime, expires_at: datetime) -> Session:
        raise AssertionError

    def read(self, token: str) -> Session | None:
        return None


@dataclass
class FakeApps:
    """`answers`: by method and path; what is not there is 404. `is_away`: nobody answers."""

    answers: dict[str, Answered] = field(default_factory=dict)
    calls: list[tuple[str, Mapping[str, Any] | None]] = field(default_factory=list)
    callers: list[Calling] = field(default_factory=list)
    away: tuple[str, ...] = ()

    async def get(self, calling: Calling, path: str) -> Answered:
        return await self.send(calling, "GET", path)

    async def download(self, calling: Calling, path: str) -> tuple[Answered, bytes]:
        raise AssertionError

    async def send(
        self,
        calling: Calling,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answered:
        call = f"{method} {path}"
        self.calls.append((call, body))
        self.callers.append(calling)
        if call in self.away or "everything" in self.away:
            raise AppsUnavailable(call)
        return self.answers.get(call, Answered(404, {}))


@dataclass
class FakeEntra:
    """`answer`: what a code is worth, or what is raised."""

    answer: OperatorToken | Exception = field(
        default_factory=lambda: OperatorToken(TOKEN, NOW + timedelta(hours=1), "하나")
    )
    asked: list[tuple[str, str, SignInAttempt]] = field(default_factory=list)

    async def authorization_url(self, redirect_uri: str, attempt: SignInAttempt) -> str:
        if isinstance(self.answer, Exception):
            raise self.answer
        return f"https://entra.example/authorize?{urlencode({'redirect_uri': redirect_uri, 'state': attempt.state})}"

    async def token(self, code: str, redirect_uri: str, attempt: SignInAttempt) -> OperatorToken:
        self.asked.append((code, redirect_uri, attempt))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@dataclass(frozen=True)
class Got:
    """A response, as the browser sees it."""

    status: int
    headers: Mapping[str, str]
    html: str
    cookies: Mapping[str, str]
    """By their names, with all attributes."""

    @property
    def title(self) -> str:
        [title] = re.findall(r"<title>(.*)</title>", self.html)
        return str(title)


class Browser:
    """Sends the cookies that it got. `now`: the clock of my page."""

    def __init__(self, apps: FakeApps | None = None, entra: FakeEntra | None = None) -> None:
        self.apps, self.entra = apps or FakeApps(), entra or FakeEntra()
        self.now = NOW
        self.outcomes: list[str] = []
        self.jar: dict[str, str] = {}
        self.accept_language = "ko"
        operators = OperatorSessions(SECRET, lambda: self.now)
        cookie = SealedCookie("operator-login", SECRET, 600)
        self.pages = OperatorPages(cast(Apps, self.apps), operators)
        self.sign_in = OperatorSignIn(self.entra, operators, cookie, self.outcomes.append)
        customers = Sessions(NoTokens(), lambda: self.now)
        self._edge = Edge(lambda: customers, lambda: Marks(SECRET), lambda _: ORIGIN, Redirect(Place.LOGIN))

    async def get(self, handler: Handler, *, customer: str = "", **parameters: str) -> Got:
        return await self._send(handler, "GET", customer, params=parameters, body=b"")

    async def post(self, handler: Handler, *, customer: str = "", origin: str = ORIGIN, **form: str) -> Got:
        headers = {"origin": origin, "content-type": "application/x-www-form-urlencoded"}
        return await self._send(handler, "POST", customer, headers=headers, body=urlencode(form).encode())

    async def signed_in(self) -> "Browser":
        begun = await self.get(self.sign_in.begin)
        state = re.findall(r"state=([\w-]+)", begun.headers["Location"])[0]
        assert (await self.get(self.sign_in.end, code="code", state=state)).status == 303
        return self

    async def _send(
        self, handler: Handler, method: str, customer: str, headers: Mapping[str, str] | None = None, **sent: Any
    ) -> Got:
        cookies = "; ".join(f"{name}={value}" for name, value in self.jar.items())
        known = {"cookie": cookies, "accept-language": self.accept_language, "x-forwarded-for": "203.0.113.7"}
        address, parameters = f"{ORIGIN}/operators", {"id": customer}
        request = func.HttpRequest(
            method, address, headers={**known, **(headers or {})}, route_params=parameters, **sent
        )
        response = await self._edge.page()(handler)(request, CONTEXT)
        return self._keep(response)

    def _keep(self, response: func.HttpResponse) -> Got:
        cookies = {text.partition("=")[0]: text for text in response.headers.getlist("Set-Cookie")}
        for name, text in cookies.items():
            self.jar[name] = text.partition("=")[2].partition(";")[0]
            if "Max-Age=0" in text:
                del self.jar[name]
        return Got(response.status_code, dict(response.headers), response.get_body().decode(), cookies)


def answered(code: int = 200, headers: Mapping[str, str] | None = None, **body: Any) -> Answered:
    return replace(Answered(code, body), headers=headers or {})
