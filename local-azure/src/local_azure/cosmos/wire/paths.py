"""The path of a request: kinds of resource and names in turn, `dbs/D/colls/C/docs/I`."""

from typing import NamedTuple, Self
from urllib.parse import unquote


class ResourcePath(NamedTuple):
    """A path, split and decoded. Names are ids or, in self links, resource ids (`_rid`).

    A path that ends with a kind is a feed: all resources of that kind below their owner.
    """

    segments: tuple[str, ...]

    @classmethod
    def parse(cls, target: str) -> Self:
        """`target`: as sent, percent-encoded, with or without a query string."""
        path = target.partition("?")[0]
        segments = (part for part in path.split("/") if part)
        return cls(tuple(unquote(part) for part in segments) if "%" in path else tuple(segments))

    @property
    def pattern(self) -> str:
        """With * in place of the names: `dbs/*/colls/*/docs`."""
        return "/".join(["*" if index % 2 else part for index, part in enumerate(self.segments)])

    @property
    def kinds(self) -> tuple[str, ...]:
        return self.segments[::2]

    @property
    def kind(self) -> str:
        """Of the resource or the feed; empty for the account."""
        return self.kinds[-1] if self.segments else ""

    @property
    def database(self) -> str:
        return self.segments[1]

    @property
    def container(self) -> str:
        return self.segments[3]

    @property
    def item(self) -> str:
        return self.segments[5]

    @property
    def operation(self) -> str:
        """Of a path `dbs/D/colls/C/operations/O`."""
        return self.segments[5]

    @property
    def container_path(self) -> Self:
        return type(self)(self.segments[:4])

    @property
    def link(self) -> str:
        """The resource; of a feed, its owner."""
        return "/".join(self.segments[: len(self.segments) // 2 * 2])

    @property
    def last_name(self) -> str:
        """The name of the resource; of a feed, its owner's; empty for the account."""
        return self.segments[len(self.segments) // 2 * 2 - 1] if len(self.segments) > 1 else ""
