"""The change feed in latest-version mode: each item once, at its last write, in the order of commits."""

from collections.abc import Callable, Generator
from time import perf_counter
from typing import NamedTuple

from local_azure.cosmos.limits import MAX_RESPONSE_BYTES, SLICE_SECONDS
from local_azure.cosmos.store import partition_keys
from local_azure.cosmos.store.containers import POSITION_BITS, Container
from local_azure.cosmos.store.partition_keys import PartitionKeyDefinition
from local_azure.cosmos.store.storage import Snapshot, Storage

_LAST_POSITION = (1 << POSITION_BITS) - 1


class FeedRange(NamedTuple):
    """A part of a container: one logical partition, or the effective keys from `start` to `end` (exclusive)."""

    partition_key: str | None = None
    start: str = ""
    end: str = "FF"

    def contains(self, partition_key: str, definition: PartitionKeyDefinition) -> bool:
        if self == WHOLE:
            return True
        if self.partition_key is not None:
            return partition_key == self.partition_key
        return self.start <= partition_keys.effective(partition_key, definition.kind, definition.version) < self.end


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
) -> Generator[None, None, ChangePage]:
    """In slices. Returns about `size` changes: more if a batch would be split otherwise, fewer if they are large."""
    if after.lsn >= container.lsn:
        return ChangePage([], container.lsn)
    snapshot = storage.snapshot()
    try:
        return (yield from _page(snapshot, container, after, size, clock()))
    finally:
        snapshot.close()


def _page(
    snapshot: Snapshot, container: Container, after: Position, size: int, now: float
) -> Generator[None, None, ChangePage]:
    # That of the snapshot: later writes are not in it.
    last_lsn = container.lsn
    bodies: list[str] = []
    reached, total = after.lsn, 0
    first = (after.lsn << POSITION_BITS) | _LAST_POSITION
    slice_ends = perf_counter() + SLICE_SECONDS
    for sequence, ts, partition_key, body in snapshot.read(container.statements.changes, (first, now)):
        if perf_counter() > slice_ends:
            yield
            slice_ends = perf_counter() + SLICE_SECONDS
        lsn = sequence >> POSITION_BITS
        if lsn != reached and (len(bodies) >= size or total >= MAX_RESPONSE_BYTES):
            return ChangePage(bodies, reached)
        reached = lsn
        if ts >= after.since and after.range.contains(partition_key, container.partition_key):
            bodies.append(f'{body[:-1]},"_lsn":{lsn}}}')
            total += len(body)
    return ChangePage(bodies, last_lsn)
