"""The host that an HTTP request names: checked as RFC 9112 §3.2 demands, by every server of the local Azure."""

import re
from collections.abc import Iterable

# Underscores are not allowed in host names (RFC 1123), but Docker and Kubernetes make such names. Percent-encoding and
# punctuation, which RFC 3986 would allow, are in no real name, and would end up in links.
_HOST = re.compile(rb"((?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?):?")
_ABSOLUTE_TARGET = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)(.*)", re.DOTALL)


class InvalidHostError(ValueError):
    """The request has to be answered with 400. The message says why."""


def read_host(http_version: str, target: bytes, hosts: Iterable[bytes]) -> str | None:
    """The host with its port, if it is given; None: HTTP/1.0 without a Host. Raises InvalidHostError.

    `hosts`: the values of all Host header lines.
    """
    values = [value.strip(b" \t") for value in hosts]
    if len(values) > 1:
        raise InvalidHostError("There is more than one Host header.")
    if not values or not values[0]:
        if http_version == "1.0":
            return None
        raise InvalidHostError("The Host header is missing.")
    valid = _HOST.fullmatch(values[0])
    if valid is None:
        raise InvalidHostError("The Host header is not a host name with an optional port.")
    # A server that believed the target would be right too (§3.2.2), but no client sends two names in good faith.
    absolute = _ABSOLUTE_TARGET.fullmatch(target)
    if absolute is not None and absolute[1].lower() != values[0].lower():
        raise InvalidHostError("The Host header differs from the host in the request target.")
    return valid[1].decode("ascii")


def origin_form(target: bytes) -> bytes:
    """The path and query of a request target that may be a whole URL (RFC 9112 §3.2.2)."""
    absolute = _ABSOLUTE_TARGET.fullmatch(target)
    if absolute is None:
        return target
    return absolute[2] if absolute[2].startswith(b"/") else b"/" + absolute[2]
