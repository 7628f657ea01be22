"""Finds the upstream of a path."""

from collections.abc import Container, Iterable, Mapping
from urllib.parse import unquote

DOT_SEGMENTS = frozenset({".", ".."})


class RouteTable:
    """Path prefixes and their upstreams. A prefix covers itself and everything below it: `/a` and `/a/b`, not `/ab`.

    The longest prefix wins; `/` covers everything. Paths are compared as sent: case-sensitive, and not decoded.
    """

    def __init__(self, upstreams: Mapping[str, str]) -> None:
        """`upstreams`: path prefix → base URL without a trailing slash."""
        self._upstreams = {normalized(prefix): url.rstrip("/") for prefix, url in upstreams.items()}

    @property
    def prefixes(self) -> list[str]:
        return sorted(self._upstreams)

    def prefix(self, path: str) -> str | None:
        """The longest prefix that covers `path`; None: there is none."""
        return _covering(path, self._upstreams)

    def upstream(self, path: str) -> str | None:
        """The base URL of the upstream of `path`; None: no route covers it."""
        prefix = self.prefix(path)
        return None if prefix is None else self._upstreams[prefix]


def covering_prefix(path: str, prefixes: Iterable[str]) -> str | None:
    """The longest of these prefixes that covers `path`, without a trailing slash; None: there is none."""
    return _covering(path, {normalized(prefix) for prefix in prefixes})


def _covering(path: str, prefixes: Container[str]) -> str | None:
    prefix = path
    while prefix and prefix not in prefixes:
        prefix = prefix.rpartition("/")[0]
    if prefix:
        return prefix
    return "/" if "/" in prefixes else None


def normalized(prefix: str) -> str:
    """As `RouteTable` returns it: without a trailing slash."""
    return "/" + prefix.strip("/")


def has_dot_segments(path: str) -> bool:
    """Whether a segment is `.` or `..`, plain or percent-encoded.

    The upstream might resolve it, and so leave the prefix that was matched.
    """
    if "." not in path and "%2" not in path:
        return False
    return any(segment in DOT_SEGMENTS for segment in unquote(path).split("/"))
