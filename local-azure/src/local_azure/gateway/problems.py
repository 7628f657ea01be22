"""The gateway's own responses: problem details (RFC 9457), and the index of its routes."""

import html
import json
from dataclasses import dataclass
from http import HTTPStatus

RETRY_AFTER_SECONDS = 2


@dataclass(frozen=True)
class Answer:
    """A whole HTTP response. Names in `headers` are in lower case."""

    status: int
    body: bytes
    headers: list[tuple[bytes, bytes]]


def problem(status: HTTPStatus, detail: str, path: str, **members: object) -> Answer:
    """A problem+json response; 502 and 503 have Retry-After. `members` are added to the document."""
    document = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail}
    body = json.dumps({**document, "instance": path, **members}, ensure_ascii=False).encode()
    headers = _content(b"application/problem+json", body)
    if status in (HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE):
        headers.append((b"retry-after", str(RETRY_AFTER_SECONDS).encode()))
    return Answer(status, body, headers)


def route_index(prefixes: list[str], accept: str) -> Answer:
    """The routes: HTML for a browser, JSON for other clients."""
    if "text/html" in accept:
        items = "".join(f'<li><a href="{html.escape(prefix)}">{html.escape(prefix)}</a></li>' for prefix in prefixes)
        body = f"<!doctype html><title>Local Azure</title><h1>Routes</h1><ul>{items}</ul>\n".encode()
        return Answer(HTTPStatus.OK, body, _content(b"text/html; charset=utf-8", body))
    body = json.dumps({"routes": prefixes}).encode() + b"\n"
    return Answer(HTTPStatus.OK, body, _content(b"application/json", body))


def _content(media_type: bytes, body: bytes) -> list[tuple[bytes, bytes]]:
    return [(b"content-type", media_type), (b"content-length", str(len(body)).encode())]
