"""The gateway's own responses: problem details (RFC 9457), and the index of its routes."""

import html
import json
from http import HTTPStatus

from local_azure.gateway.answers import Answer
from local_azure.gateway.headers import Headers

CONTENT_TYPE = b"application/problem+json"
RETRY_AFTER_SECONDS = 2


def problem(status: HTTPStatus, detail: str, path: str, *, closes: bool = False, **members: object) -> Answer:
    """A problem+json response; 502 and 503 have Retry-After. `members` are added to the document."""
    document = {**problem_document(status, detail), "instance": path, **members}
    body = json.dumps(document, ensure_ascii=False).encode()
    headers = _content(CONTENT_TYPE, body)
    if status in (HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE):
        headers.append((b"retry-after", str(RETRY_AFTER_SECONDS).encode()))
    return Answer(status, body, headers, closes)


def problem_document(status: HTTPStatus, detail: str) -> dict[str, object]:
    return {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail}


def route_index(prefixes: list[str], accept: str) -> Answer:
    """The routes: HTML for a browser, JSON for other clients."""
    if "text/html" in accept:
        items = "".join(f'<li><a href="{html.escape(prefix)}">{html.escape(prefix)}</a></li>' for prefix in prefixes)
        body = f"<!doctype html><title>Local Azure</title><h1>Routes</h1><ul>{items}</ul>\n".encode()
        return Answer(HTTPStatus.OK, body, _content(b"text/html; charset=utf-8", body))
    body = json.dumps({"routes": prefixes}).encode() + b"\n"
    return Answer(HTTPStatus.OK, body, _content(b"application/json", body))


def _content(media_type: bytes, body: bytes) -> Headers:
    return [(b"content-type", media_type), (b"content-length", str(len(body)).encode())]
