"""Whether the services behind a gateway answer.

A service is asked for a customer that does not exist: its own 404 has a trace id, which a 404 of the gateway or of the
platform lacks. The call reads the database once and shows nobody's data. Where customers sign in, the answer is 401,
with a trace id too, and nothing is read.
"""

import http.client
import urllib.error
import urllib.request

from tools.play.apps import COLLECTIONS

NOBODY = "00000000-0000-7000-8000-000000000000"
CALL_SECONDS = 30  # an instance may have to start first


def failures(gateway: str) -> dict[str, str]:
    """The collections whose service does not answer, each with what is wrong. Blocks."""
    found = {collection: failure(gateway, collection) for collection in COLLECTIONS.values()}
    return {collection: wrong for collection, wrong in found.items() if wrong}


def failure(gateway: str, collection: str) -> str | None:
    """What is wrong with the response of a collection's service; None if it answered. Blocks."""
    if not gateway.startswith(("http://", "https://")):
        return "not a URL"
    try:
        status, body = _get(f"{gateway.rstrip('/')}/{collection}/{NOBODY}")
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        return type(error).__name__
    return None if status in (401, 404) and b"traceId" in body else f"status {status}"


def page_failure(gateway: str) -> str | None:
    """What is wrong with the start page; None if it is there. Blocks."""
    if not gateway.startswith(("http://", "https://")):
        return "not a URL"
    try:
        status, _ = _get(f"{gateway.rstrip('/')}/")
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        return type(error).__name__
    return None if status == 200 else f"status {status}"


def _get(url: str) -> tuple[int, bytes]:
    """Returns status and body. Reading the body may fail too, with the exceptions of a call."""
    try:
        with urllib.request.urlopen(url, timeout=CALL_SECONDS) as response:  # noqa: S310 `failure` has checked the scheme
            return response.status, b""
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()
