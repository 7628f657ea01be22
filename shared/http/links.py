"""Links as the client sees this system: never with an internal host name."""

import re

import azure.functions as func
from pydantic import AnyHttpUrl

# Underscores are not allowed in host names (RFC 1123), but Docker and Kubernetes make such names.
_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~-]+)*")


def public_base_url(request: func.HttpRequest, configured: AnyHttpUrl | None) -> str:
    """Scheme, host and prefix, without a slash at the end.

    `configured` (PUBLIC_BASE_URL) if set, else what the gateway says in X-Forwarded-Proto, -Host and -Prefix, else the
    request's own. Anything that is not a host or a path is ignored.
    """
    if configured:
        return str(configured).rstrip("/")
    own = re.match(r"(https?)://([^/?#]+)", request.url)
    scheme, host = (own[1], own[2]) if own else ("http", "localhost")
    forwarded_host = _first(request.headers.get("x-forwarded-host"))
    forwarded_scheme = _first(request.headers.get("x-forwarded-proto"))
    prefix = _first(request.headers.get("x-forwarded-prefix")).rstrip("/")
    if _HOST.fullmatch(forwarded_host):
        host = forwarded_host
    if forwarded_scheme in ("http", "https"):
        scheme = forwarded_scheme
    return f"{scheme}://{host}{prefix if _PREFIX.fullmatch(prefix) else ''}"


def _first(value: str | None) -> str:
    """The first of a list, which is the one nearest to the client."""
    return (value or "").split(",")[0].strip()
