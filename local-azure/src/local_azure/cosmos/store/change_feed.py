"""The change feed in latest-version mode: each item once, at its last write, in the order of commits."""

from collections.abc import Callable
from typing import NamedTuple

from local_azure.cosmos.limits import MAX_RESPONSE_BYTES
from local_azure.cosmos.store.containers import POSITION_BITS, Container
from local_azure.cosmos.store.storage import Storage

_LAST_POSITION = (1 << POSITION_BITS) - 1


class FeedRange(NamedTuple):
    """A part of a container: one logical partition, or the effective keys from `start` to `end` (exclusive)."""

    partition_key: str | None = None
    start: str = ""
    end: str = "FF"

    @property
    def whole(self) -> bool:
        return self == WHOLE

    def contains(self, partition_key: str, effective_key: str) -> bool:
        if self.partition_key is not None and partition_key != self.partition_key:
            return False
        return self.start <= effective_key < self.end


WHOLE = FeedRange()


class Position(NamedTuple):
    """Where to continue: after `lsn`, in `range`. `since` in seconds since 1970 excludes older writes."""

    lsn: int
    since: int = 0
    range: FeedRange = WHOLE


class ChangePage(NamedTuple):
    """`bodies`: JSON texts with `_lsn`. `lsn`: where the next page continues."""

    bodies: list[str]
    lsn: int


def read_changes(
    storage: Storage, container: Container, after: Position, size: int, clock: Callable[[], float]
) -> ChangePage:
    """Returns about `size` changes: more if a batch would be split otherwise, fewer if they are large."""
    if after.lsn >= container.lsn:
        return ChangePage([], container.lsn)
    bodies: list[str] = []
    reached, total = after.lsn, 0
    first = (after.lsn << POSITION_BITS) | _LAST_POSITION
    rows = storage.read(container.statements.changes, (first, clock()))
    for sequence, ts, partition_key, effective_key, body in rows:
        lsn = sequence >> POSITION_BITS
        if lsn != reached and (len(bodies) >= size or total >= MAX_RESPONSE_BYTES):
            rows.close()
            return ChangePage(bodies, reached)
        reached = lsn
        if ts >= after.since and (after.range.whole or after.range.contains(partition_key, effective_key)):
            bodies.append(f'{body[:-1]},"_lsn":{lsn}}}')
            total += len(body)
    return ChangePage(bodies, container.lsn)
