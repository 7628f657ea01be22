"""My page's functions as the host calls them, and a browser that keeps cookies and reads pages."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any, Final, cast
from urllib.parse import parse_qsl, urlencode, urlsplit

import azure.functions as func
import pytest
from azure.functions.decorators.http import HttpTrigger

import web.wiring
from functions import privacy, web_sign_in, web_unmatched
from functions import web as web_functions
from shared.settings import Settings
from tests.unit.functions.world import forget_settings
from tests.unit.shared.test_privacy_settings import POLICY, WEB
from tests.unit.web.apps import FakeApps

ORIGIN: Final = WEB["PUBLIC_BASE_URL"]
SUBJECT: Final = "1376016924"
TRACE: Final = "0af7651916cd43dd8448eb211c80319c"
KOREAN: Final = "ko-KR,ko;q=0.9,en;q=0.8"
LONGEST_PAGE: Final = 8 * 1024


class Html(HTMLParser):
    """What a test asks of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: dict[str, str] = {}
        """The text of elements by tag: of the last one; and of elements with an id, by #id."""
        self._open: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.elements.append((tag, found))
        if tag not in ("input", "meta", "link", "br"):
            self._open.append((tag, found.get("id", "")))
            self.words[tag] = ""

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        for tag, identity in self._open:
            self.words[tag] = self.words.get(tag, "") + data
            if identity:
                self.words[f"#{identity}"] = self.words.get(f"#{identity}", "") + data

    def all(self, tag: str, **attributes: str) -> list[dict[str, str]]:
        """The attributes of the elements that have these."""
        wanted = attributes.items()
        return [found for name, found in self.elements if name == tag and wanted <= found.items()]

    def inputs(self) -> dict[str, str]:
        """What the main form would send, without its buttons: boxes only if they are checked."""
        return {
            each["name"]: each.get("value", "on")
            for each in self.all("input")
            if each.get("type") != "checkbox" or "checked" in each
        }

    @property
    def title(self) -> str:
        return self.words["title"]


@dataclass
class Response:
    status: int
    headers: Mapping[str, str]
    text: str = field(repr=False)
    cookies: list[str] = field(default_factory=list)

    @property
    def html(self) -> Html:
        return Html(self.text)

    @property
    def location(self) -> str:
        return self.headers["Location"].removeprefix(ORIGIN)


class Browser:
    """`cookies` by name. It sends Origin as browsers do, and follows no redirect by itself."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, apps: FakeApps | None = None, **settings: str) -> None:
        for name in Settings.model_fields:
            monkeypatch.delenv(name.upper(), raising=False)
        environment = {**WEB, **POLICY, "SSAK8_SERVICES": "web", "ACCESS": "customers", **settings}
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        forget_settings()
        for value in vars(web.wiring).values():
            if hasattr(value, "cache_clear"):
                value.cache_clear()
        self.apps = apps or FakeApps()
        self.cookies: dict[str, str] = {}
        self.language = KOREAN
        self._functions = _functions()
        monkeypatch.setattr(web.wiring, "apps", lambda: self.apps)

    def signed_in(self, subject: str = SUBJECT) -> "Browser":
        """As after signing in just now."""
        self._keep(web.wiring.sessions().begin(ORIGIN, subject))
        return self

    @property
    def mark(self) -> str:
        """That of forms for who has signed in."""
        header = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return web.wiring.marks().of(web.wiring.sessions().of(ORIGIN, header))

    async def get(self, path: str, **headers: str) -> Response:
        return await self.call("GET", path, b"", headers)

    async def post(self, path: str, form: Mapping[str, str] | None = None, **headers: str) -> Response:
        """`form`: it gets the mark of who has signed in, unless it has one."""
        sent = {"content-type": "application/x-www-form-urlencoded", "origin": ORIGIN, **headers}
        return await self.call("POST", path, urlencode({"mark": self.mark, **(form or {})}).encode(), sent)

    async def call(self, method: str, path: str, content: bytes, headers: Mapping[str, str]) -> Response:
        """`headers` with underscores for hyphens."""
        sent = {"accept": "text/html", "accept-language": self.language}
        if self.cookies:
            sent["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent |= {name.replace("_", "-"): value for name, value in headers.items() if value}
        url = urlsplit(path)
        function, parameters = self._function(method, url.path.strip("/") or "start")
        request = func.HttpRequest(
            method,
            f"http://127.0.0.1:7074{path}",
            headers=sent,
            params=dict(parse_qsl(url.query)),
            route_params=parameters,
            body=content,
        )
        context = SimpleNamespace(
            function_name="f", trace_context=SimpleNamespace(trace_parent=f"00-{TRACE}-b7ad6b7169203331-01")
        )
        answered = await function(request, cast(func.Context, context))
        cookies = answered.headers.get_all("Set-Cookie")
        for text in cookies:
            self._keep(text)
        found = {name: value for name, value in answered.headers.items() if name.lower() != "set-cookie"}
        return Response(answered.status_code, found, answered.get_body().decode(), cookies)

    def _keep(self, text: str) -> None:
        name, _, rest = text.partition("=")
        value, _, attributes = rest.partition(";")
        if "Max-Age=0;" in attributes:
            self.cookies.pop(name, None)
        else:
            self.cookies[name] = value

    def _function(self, method: str, path: str) -> tuple[Any, dict[str, str]]:
        for route, methods, function in self._functions:
            parts, names = path.split("/"), route.split("/")
            fits = len(parts) == len(names) and all(
                name == part or name.startswith("{") for name, part in zip(names, parts, strict=True)
            )
            if fits and method in methods:
                return function, {
                    name.strip("{}"): part for name, part in zip(names, parts, strict=True) if name.startswith("{")
                }
        return self._unmatched, {"path": path}

    @property
    def _unmatched(self) -> Any:
        return self._functions[-1][2]


def _functions() -> list[tuple[str, frozenset[str], Any]]:
    """Route, methods and function of each, the one for everything else last."""
    blueprints = [privacy.blueprint, web_functions.blueprint, web_sign_in.blueprint]
    app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
    for blueprint in [*blueprints, web_unmatched.blueprint_for(blueprints)]:
        app.register_functions(blueprint)
    found = []
    for function in app.get_functions():
        trigger = function.get_trigger()
        assert isinstance(trigger, HttpTrigger)
        methods = frozenset(str(method) for method in trigger.methods or ())
        found.append((str(trigger.route), methods, function.get_user_function()))
    return sorted(found, key=lambda each: not each[1])
