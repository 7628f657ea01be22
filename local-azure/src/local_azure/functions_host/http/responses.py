"""Converts the results of functions to HTTP responses."""

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from http.cookies import Morsel, SimpleCookie
from typing import Any
from urllib.parse import quote

from local_azure.functions_host.datums import Datum

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

# The server sets these itself; those of a function are ignored.
FRAMING_HEADERS = frozenset({"content-length", "transfer-encoding", "connection", "keep-alive"})
BODILESS = frozenset({204, 205, 304})
COOKIE_ATTRIBUTES = (("expires", "expires"), ("max-age", "max-age"), ("domain", "domain"))


class InvalidResponse(ValueError):
    """A function returned something that cannot be sent over HTTP. The message says what."""


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    headers: Headers
    body: bytes = b""

    async def send(self, send: Send) -> None:
        """Sends the response; without a body if its status has none."""
        body = b"" if self.status in BODILESS else self.body
        headers = self.headers if self.status in (204, 304) else [*self.headers, (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def empty(status: int, headers: Iterable[tuple[bytes, bytes]] = ()) -> Response:
    return Response(status, list(headers))


def json_response(status: int, content: Any) -> Response:
    body = json.dumps(content, ensure_ascii=False).encode()
    return Response(status, [(b"content-type", b"application/json; charset=utf-8")], body)


def from_datum(datum: Datum) -> Response:
    """The response for a function's result, an HttpResponse or a string. Raises InvalidResponse."""
    if datum.type == "string":
        return Response(200, [(b"content-type", b"text/plain; charset=utf-8")], datum.value.encode())
    value: Mapping[str, Any] = datum.value
    status = value["status_code"].value
    if not status.isdigit() or not 200 <= int(status) <= 999:
        raise InvalidResponse(f"the status {status!r} is not valid")
    headers: Headers = []
    try:
        for name, header in value["headers"].items():
            lower = name.lower()
            if lower not in FRAMING_HEADERS:
                headers.append((lower.encode("ascii"), header.value.encode("latin-1")))
        headers += [(b"set-cookie", _cookie(morsel)) for morsel in _morsels(value.get("cookies"))]
    except UnicodeEncodeError:
        raise InvalidResponse(f"the header {name!r} has characters that cannot be sent over HTTP") from None
    return Response(int(status), headers, value["body"].value)


def _morsels(cookies: Iterable[SimpleCookie] | None) -> Iterable[Morsel[str]]:
    return (morsel for cookie in cookies or () for morsel in cookie.values())


def _cookie(morsel: Morsel[str]) -> bytes:
    """As in ASP.NET: percent-encoded value, default path `/`."""
    parts = [f"{morsel.key}={quote(morsel.value, safe='')}"]
    parts += [f"{written}={morsel[name]}" for name, written in COOKIE_ATTRIBUTES if morsel[name]]
    parts.append(f"path={morsel['path'] or '/'}")
    if morsel["secure"]:
        parts.append("secure")
    if morsel["samesite"]:
        parts.append(f"samesite={morsel['samesite'].lower()}")
    if morsel["httponly"]:
        parts.append("httponly")
    return "; ".join(parts).encode("latin-1")
