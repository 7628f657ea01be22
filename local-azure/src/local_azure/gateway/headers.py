"""Which headers a proxy forwards: RFC 9110 §7.6.1, W3C Trace Context. Names of headers are in lower case."""

import re
import secrets
from collections.abc import Iterable, Mapping

type Headers = list[tuple[bytes, bytes]]

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
# As the policies of API Management join the values of a header (`GetValueOrDefault`).
VALUE_SEPARATOR = b","
# The server of the gateway adds its own.
NOT_RETURNED = HOP_BY_HOP | {b"date", b"server"}

TRACE_PARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")


def trace_parent_of(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The client's `traceparent`; None without exactly one that is valid."""
    sent = [value for name, value in headers if name == b"traceparent"]
    if len(sent) != 1:
        return None
    trace_parent = sent[0].decode("latin-1")
    return trace_parent if TRACE_PARENT.fullmatch(trace_parent) else None


class Forwarding:
    """What a gateway forwards of a client's headers."""

    def __init__(self, renamed: Mapping[str, str] | None = None) -> None:
        """`renamed`: gateway.renamed_headers, whose names are in any case."""
        self._renamed = [(name.lower().encode("ascii"), new.encode("ascii")) for name, new in (renamed or {}).items()]
        names = {name for old, new in self._renamed for name in (old, new.lower())}
        self._not_forwarded = NOT_FORWARDED | names

    def for_upstream(self, headers: Headers, client: str, host: str) -> Headers:
        """The headers for the upstream, but for its own host, the length and `traceparent`.

        `client`: its address. `host`: the one that the client called.
        """
        named = _named_by_connection(headers)
        forwarded = [
            header
            for header in headers
            if header[0] not in self._not_forwarded
            and header[0] not in named
            and not header[0].startswith(FORWARDED_PREFIX)
        ]
        for old, new in self._renamed:
            if old not in named and (values := [value for name, value in headers if name == old]):
                forwarded.append((new, VALUE_SEPARATOR.join(values)))
        forwarded += (
            (b"X-Forwarded-For", client.encode("ascii")),
            (b"X-Forwarded-Host", host.encode("ascii")),
            (b"X-Forwarded-Proto", b"http"),
        )
        return forwarded


def for_client(headers: Headers) -> Headers:
    """The headers for the client, in the order of the upstream's `headers`, including repeated ones."""
    named = _named_by_connection(headers)
    return [header for header in headers if header[0] not in NOT_RETURNED and header[0] not in named]


def new_trace_parent() -> str:
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"


def _named_by_connection(headers: Headers) -> set[bytes]:
    return {
        named.strip().lower()
        for name, value in headers
        if name == b"connection" and value.lower() not in (b"keep-alive", b"close")
        for named in value.split(b",")
    }
