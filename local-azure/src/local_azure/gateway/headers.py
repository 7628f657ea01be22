"""Which headers a proxy forwards: RFC 9110 §7.6.1, W3C Trace Context."""

import re
import secrets
from collections.abc import Iterable

from multidict import CIMultiDict

type RawHeaders = Iterable[tuple[bytes, bytes]]

HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
# A client's claims about its origin are dropped. The host is the upstream's own; the length is set again.
# The gateway sets `traceparent` itself. `tracestate` may contain anything, and would appear in traces.
NOT_FORWARDED = HOP_BY_HOP | {b"host", b"content-length", b"expect", b"forwarded", b"traceparent", b"tracestate"}
FORWARDED_PREFIX = b"x-forwarded-"
# The server of the gateway adds its own.
NOT_RETURNED = HOP_BY_HOP | {b"date", b"server"}

TRACE_PARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")


def trace_parent_of(headers: RawHeaders) -> str | None:
    """The client's `traceparent`; None without exactly one that is valid. Names are in lower case (ASGI)."""
    sent = [value.decode("latin-1") for name, value in headers if name == b"traceparent"]
    return sent[0] if len(sent) == 1 and TRACE_PARENT.fullmatch(sent[0]) else None


def for_upstream(headers: RawHeaders, client: str, scheme: str, host: str) -> CIMultiDict[str]:
    """The headers for the upstream, but for `traceparent`. `host`: the one that the client called.

    Names in `headers` are in lower case (ASGI).
    """
    received = list(headers)
    dropped = NOT_FORWARDED | _named_by_connection(received)
    forwarded: CIMultiDict[str] = CIMultiDict()
    for name, value in received:
        if name not in dropped and not name.startswith(FORWARDED_PREFIX):
            forwarded.add(name.decode("latin-1"), value.decode("latin-1"))
    forwarded["X-Forwarded-For"] = client
    forwarded["X-Forwarded-Host"] = host
    forwarded["X-Forwarded-Proto"] = scheme
    return forwarded


def for_client(headers: RawHeaders) -> list[tuple[bytes, bytes]]:
    """The headers for the client, in the order of the upstream's `headers`, including repeated ones."""
    received = [(name.lower(), value) for name, value in headers]
    dropped = NOT_RETURNED | _named_by_connection(received)
    return [(name, value) for name, value in received if name not in dropped]


def new_trace_parent() -> str:
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"


def _named_by_connection(headers: RawHeaders) -> set[bytes]:
    return {
        named.strip().lower()
        for name, value in headers
        if name == b"connection" and value.lower() not in (b"keep-alive", b"close")
        for named in value.split(b",")
    }
