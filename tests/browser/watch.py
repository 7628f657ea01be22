"""What a browser noticed while somebody visited my page: what nobody should ever see."""

from typing import Final
from urllib.parse import urlsplit

from playwright.async_api import BrowserContext, ConsoleMessage, Request, Response, WebError

THIS_MACHINE: Final = ("127.0.0.1", "localhost")
FAILED_DOCUMENT: Final = "Failed to load resource: the server responded with a status of "
"""Chromium's own report of any status of 400 and above, for the page itself too."""

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
ON_EVERY_ANSWER: Final = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
STATIC: Final = "/static/"
PRIVACY: Final = "/privacy"

# Bytes of a body. The privacy policy is as long as the law wants it.
LONGEST: Final = {"text/html": 8000, "text/css": 8000, "text/javascript": 4000}


class Watch:
    """Listens to all pages of a context. `origin`: of my page; only its answers are measured."""

    def __init__(self, context: BrowserContext, origin: str) -> None:
        self._origin = origin
        self._messages: list[ConsoleMessage] = []
        self._errors: list[WebError] = []
        self._requests: list[Request] = []
        self._responses: list[Response] = []
        context.on("console", self._on_message)
        context.on("weberror", self._on_error)
        context.on("request", self._on_request)
        context.on("response", self._on_response)

    async def complaints(self) -> list[str]:
        """Everything that is not as it should be, a line each."""
        pages = {response.url for response in self._responses if response.request.is_navigation_request()}
        found = [f"console: {each.text}" for each in self._messages if not _is_about_page(each, pages)]
        found += [f"script: {each.error}" for each in self._errors]
        found += [f"left this machine: {each.url}" for each in self._requests if not _stays_here(each.url)]
        for response in self._responses:
            if response.url.startswith(f"{self._origin}/"):
                found += await _wrong_in(response)
        return found

    def _on_message(self, message: ConsoleMessage) -> None:
        self._messages.append(message)

    def _on_error(self, error: WebError) -> None:
        self._errors.append(error)

    def _on_request(self, request: Request) -> None:
        self._requests.append(request)

    def _on_response(self, response: Response) -> None:
        self._responses.append(response)


def _is_about_page(message: ConsoleMessage, pages: set[str]) -> bool:
    """Whether it only says that a page has a status which the test has asked for."""
    return message.text.startswith(FAILED_DOCUMENT) and str(message.location.get("url", "")) in pages


def _stays_here(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "data" or parts.hostname in THIS_MACHINE


async def _wrong_in(response: Response) -> list[str]:
    path = urlsplit(response.url).path
    where = f"{response.request.method} {path} {response.status}"
    headers = await response.all_headers()
    expected = {**ON_EVERY_ANSWER, "cache-control": "no-store"}
    if path.startswith(STATIC):
        expected = {"x-content-type-options": "nosniff", "cache-control": "public, max-age=31536000, immutable"}
    wrong = [f"{where}: {name}: {headers.get(name)}" for name in expected if headers.get(name) != expected[name]]
    if not path.startswith(STATIC) and "permissions-policy" not in headers:
        wrong.append(f"{where}: permissions-policy is missing")
    size = (await response.request.sizes())["responseBodySize"]
    longest = LONGEST.get(headers.get("content-type", "").partition(";")[0], size)
    if size > longest and not path.startswith(PRIVACY):
        wrong.append(f"{where}: {size} bytes, and {longest} are allowed")
    return wrong
