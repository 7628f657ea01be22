"""The other apps in memory, as my page asks them: one customer, who has registered or not."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from multidict import CIMultiDict

from web.ports import Answered, AppsUnavailable, Calling

ID: Final = "0189ee3e-0000-7000-8000-000000000001"
REGISTERED_AT: Final = "2026-11-26T00:03:00.000Z"
UPDATED_AT: Final = "2026-11-26T04:30:00.000Z"
CANCELED_AT: Final = "2026-11-26T15:05:00.000Z"
YEON: Final = {
    "customerName": "김연",
    "customerPhone": "010-1234-5678",
    "customerAge": 20,
    "customerAddress": "인천광역시 남동구 정각로 29 101동",
}
MESSAGES: Final = [{"kind": "registered", "status": "sandboxed", "sentAt": REGISTERED_AT}]

type Body = Mapping[str, Any]


def problem(status: int, name: str, detail: str = "", **more: Any) -> Answered:
    """As the apps answer it (RFC 9457)."""
    headers = CIMultiDict(more.pop("headers", {}))
    body = {"type": f"urn:ssak8:problem:{name}", "status": status, "detail": detail, **more}
    return Answered(status, body, headers)


NOTHING_REGISTERED: Final = problem(
    503,
    "unavailable",
    "KakaoTalk could not be notified (no answer); nothing was registered.",
    headers={"retry-after": "2"},
)
NOT_SIGNED_IN: Final = problem(401, "unauthenticated", "The token is not valid.")


@dataclass
class FakeApps:
    """It keeps to keys, etags and one registration a person. `answers`: what comes instead, once for each entry."""

    registered: dict[str, Any] | None = None
    pending: dict[str, Any] | None = None
    version: int = 1
    kakao_is_down: bool = False
    view: dict[str, Any] | None = None
    documents: list[dict[str, Any]] = field(default_factory=list)
    answers: dict[str, Answered | Exception] = field(default_factory=dict)
    calls: list[tuple[str, str, Body, Mapping[str, str]]] = field(default_factory=list)
    callers: list[Calling] = field(default_factory=list)
    keys: dict[str, tuple[str, int]] = field(default_factory=dict)
    registrations: int = 0

    def have_registered(self, **changes: Any) -> "FakeApps":
        """The customer has, and the view knows it."""
        self.registered = {**YEON, "registeredAt": REGISTERED_AT, **changes}
        self.view = dict(self.registered)
        return self

    def have_postponed(self) -> "FakeApps":
        self.pending = {**YEON, "acceptedAt": REGISTERED_AT, "expiresAt": "2026-11-27T00:03:00.000Z"}
        return self

    def changing(self) -> list[tuple[str, str]]:
        """Method and path of the calls that change something."""
        return [(method, path) for method, path, _, _ in self.calls if method != "GET"]

    async def get(self, calling: Calling, path: str) -> Answered:
        return (await self.download(calling, path))[0]

    async def download(self, calling: Calling, path: str) -> tuple[Answered, bytes]:
        answered = self._answer(calling, "GET", path, {}, {})
        return answered, json.dumps(answered.body).encode()

    async def send(
        self,
        calling: Calling,
        method: str,
        path: str,
        body: Body | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answered:
        return self._answer(calling, method, path, body or {}, headers or {})

    def _answer(self, calling: Calling, method: str, path: str, body: Body, headers: Mapping[str, str]) -> Answered:
        self.calls.append((method, path, body, headers))
        self.callers.append(calling)
        instead = self.answers.pop(f"{method} {path}", None)
        if isinstance(instead, Exception):
            raise instead
        if instead is not None:
            return instead
        match method, path.removesuffix(ID):
            case "GET", "/me/registration":
                return self._own()
            case "GET", "/me/data":
                return Answered(200, {"documents": self.documents}) if self.documents else problem(404, "not-found")
            case "POST", "/customers":
                return self._register(body, headers)
            case _, "/customers/":
                return self._customer(method, body, headers)
            case "DELETE", "/registrations/":
                return self._withdraw()
        raise AssertionError(f"there is no {method} {path}")

    def _own(self) -> Answered:
        if self.pending:
            return Answered(200, {"id": ID, "status": "PENDING", **self.pending, "messages": []})
        if self.view is None and self.registered is None:
            return problem(404, "not-found")
        shown = self.view or self.registered or {}
        return Answered(200, {"id": ID, "status": "REGISTERED", **shown, "messages": MESSAGES})

    def _register(self, body: Body, headers: Mapping[str, str]) -> Answered:
        details = {name: body[name] for name in YEON}
        key, sent = headers["Idempotency-Key"], json.dumps(details, sort_keys=True)
        if self.keys.setdefault(key, (sent, 0))[0] != sent:
            return problem(422, "idempotency-key-reused")
        if self.keys[key][1]:
            return Answered(self.keys[key][1], details)
        if self.registered or self.pending:
            return problem(409, "already-registered")
        if self.kakao_is_down:
            if headers.get("Prefer") != "respond-async":
                return NOTHING_REGISTERED
            self.have_postponed()
            self.keys[key] = sent, 202
            return Answered(202, {"id": ID})
        consent = {**body["consent"], "at": REGISTERED_AT}
        self.registered = {**details, "registeredAt": REGISTERED_AT, "consent": consent}
        self.registrations += 1
        self.keys[key] = sent, 201
        return Answered(201, {"id": ID, **details})

    def _customer(self, method: str, body: Body, headers: Mapping[str, str]) -> Answered:
        if self.registered is None:
            return problem(404, "not-found")
        if method == "GET":
            return Answered(200, {"id": ID, **self.registered}, CIMultiDict(etag=f'"{self.version}"'))
        if method == "DELETE":
            self.registered = None  # the view does not know it yet
            return Answered(204, {})
        if headers["If-Match"] != f'"{self.version}"':
            return problem(412, "precondition-failed")
        self.registered = {**self.registered, **body, "updatedAt": UPDATED_AT}
        self.version += 1
        return Answered(200, self.registered)

    def _withdraw(self) -> Answered:
        if self.registered:
            return problem(409, "too-late")
        self.pending = None
        return Answered(204, {})


DOWN: Final = AppsUnavailable("no answer in time")
