"""Items: create, read, upsert, replace, delete, expire. Each is a JSON text that ends with the system properties."""

import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from local_azure.cosmos import errors, json_text
from local_azure.cosmos.limits import MAX_ITEM_BYTES, MAX_ITEM_ID_BYTES, PURGE_BATCH
from local_azure.cosmos.store import resource_ids
from local_azure.cosmos.store.catalog import Catalog
from local_azure.cosmos.store.containers import POSITION_BITS, Container, check_id, check_ttl
from local_azure.cosmos.store.storage import Storage

type Item = dict[str, Any]
type Change = Callable[[Item], Item]
"""Returns the new item for the stored one, which it may modify. Raises CosmosError."""

_SYSTEM_PROPERTIES = ("_rid", "_self", "_etag", "_attachments", "_ts", "_lsn")


class StoredItem(NamedTuple):
    """`number` and `sequence`: see the table of items. `body`: the JSON text of the response."""

    number: int
    sequence: int
    ts: int
    etag: str
    body: str


class Precondition(NamedTuple):
    """The headers If-Match and If-None-Match; "*" matches any item."""

    if_match: str | None = None
    if_none_match: str | None = None

    def check(self, etag: str) -> None:
        """Raises precondition_failed if an item with this etag must not be written."""
        if self.if_match is not None and self.if_match not in ("*", etag):
            raise errors.precondition_failed()
        if self.if_none_match is not None and self.if_none_match in ("*", etag):
            raise errors.precondition_failed()


ANY = Precondition()


@dataclass(slots=True)
class Commit:
    """The writes to one logical partition that share one LSN: a single write, or a whole batch.

    Only a write advances the LSN of the container. If a failed operation did, a reader of the change feed could get an
    LSN that is used again after a restart, and would skip that write.
    """

    container: Container
    partition_key: str
    lsn: int = field(init=False)
    writes: int = 0

    def __post_init__(self) -> None:
        self.lsn = self.container.lsn + 1

    def next_sequence(self) -> int:
        return (self.lsn << POSITION_BITS) | self.writes

    def record_write(self) -> None:
        self.writes += 1
        self.container.lsn = self.lsn

    def roll_back(self) -> None:
        """Takes the LSN back, after a rollback of its writes."""
        self.container.lsn = self.lsn - 1


class ItemStore:
    """Keys are canonical texts (see partition_keys); times are seconds since 1970."""

    def __init__(self, storage: Storage, catalog: Catalog, clock: Callable[[], float]) -> None:
        self._storage = storage
        self._catalog = catalog
        self._clock = clock

    def find(self, container: Container, partition_key: str, item_id: str) -> StoredItem | None:
        parameters = (partition_key, item_id, self._clock())
        row = self._storage.read(container.statements.find, parameters).fetchone()
        return StoredItem._make(row) if row else None

    def get(self, container: Container, partition_key: str, item_id: str) -> StoredItem:
        """Raises not_found."""
        found = self.find(container, partition_key, item_id)
        if found is None:
            raise errors.not_found()
        return found

    def create(self, commit: Commit, item: Item) -> StoredItem:
        """Raises bad_request, conflict, request_too_large."""
        self._check(commit, item)
        try:
            return self._insert(commit, item)
        except sqlite3.IntegrityError:
            # An expired item that is not yet purged still occupies the key.
            parameters = (commit.partition_key, item["id"], self._clock())
            statement = commit.container.statements.delete_expired
            self._catalog.persist_lsn(commit.container)
            if self._storage.write(statement, parameters).rowcount:
                return self._insert(commit, item)
            raise errors.conflict() from None

    def upsert(self, commit: Commit, item: Item, precondition: Precondition = ANY) -> tuple[StoredItem, bool]:
        """Returns the item, and whether it is new. Raises bad_request, precondition_failed, request_too_large."""
        self._check(commit, item)
        found = self.find(commit.container, commit.partition_key, item["id"])
        if found is None:
            return self.create(commit, item), True
        precondition.check(found.etag)
        return self._update(commit, found, item), False

    def replace(self, commit: Commit, item_id: str, item: Item, precondition: Precondition = ANY) -> StoredItem:
        """May change the id. Raises bad_request, conflict, not_found, precondition_failed, request_too_large."""
        self._check(commit, item)
        found = self.get(commit.container, commit.partition_key, item_id)
        precondition.check(found.etag)
        return self._update(commit, found, item)

    def change(self, commit: Commit, item_id: str, change: Change, precondition: Precondition = ANY) -> StoredItem:
        """Replaces the item with the result of `change`. Raises the errors of `change` and of `replace`."""
        found = self.get(commit.container, commit.partition_key, item_id)
        precondition.check(found.etag)
        item = change(json.loads(found.body))
        self._check(commit, item)
        return self._update(commit, found, item)

    def delete(self, commit: Commit, item_id: str, precondition: Precondition = ANY) -> StoredItem:
        """Returns the deleted item. Raises not_found, precondition_failed."""
        found = self.get(commit.container, commit.partition_key, item_id)
        precondition.check(found.etag)
        self._catalog.persist_lsn(commit.container)
        self._storage.write(commit.container.statements.delete, (found.number,))
        commit.record_write()
        return found

    def delete_partition(self, commit: Commit) -> None:
        """Deletes all items of the logical partition."""
        self._catalog.persist_lsn(commit.container)
        self._storage.write(commit.container.statements.delete_partition, (commit.partition_key,))
        commit.record_write()

    def purge(self) -> int:
        """Deletes expired items, at most PURGE_BATCH of each container. Returns their number."""
        purged = 0
        for container in self._catalog.containers():
            statements, now = container.statements, self._clock()
            if self._storage.read(statements.find_expired, (now,)).fetchone():
                self._catalog.persist_lsn(container)
                purged += self._storage.write(statements.purge, (now, PURGE_BATCH)).rowcount
        return purged

    def _check(self, commit: Commit, item: Item) -> None:
        check_id(item.get("id"), MAX_ITEM_ID_BYTES)
        if "ttl" in item:
            check_ttl(item["ttl"])
        definition = commit.container.partition_key
        if definition.key_of(item) != commit.partition_key:
            raise errors.partition_key_mismatch()

    def _insert(self, commit: Commit, item: Item) -> StoredItem:
        container, now, sequence = commit.container, self._clock(), commit.next_sequence()
        etag = _etag(container, sequence, int(now))
        body = _body(container, item, sequence, etag, int(now))
        key, expires = commit.partition_key, _expiry(container, item, now)
        row = (
            sequence,
            key,
            item["id"],
            sequence,
            int(now),
            expires,
            etag,
            body,
            *container.order_keys_of(item),
        )
        self._storage.write(container.statements.insert, row)
        commit.record_write()
        return StoredItem(sequence, sequence, int(now), etag, body)

    def _update(self, commit: Commit, found: StoredItem, item: Item) -> StoredItem:
        container, now, sequence = commit.container, self._clock(), commit.next_sequence()
        etag = _etag(container, sequence, int(now))
        body = _body(container, item, found.number, etag, int(now))
        keys = container.order_keys_of(item)
        row = (item["id"], sequence, int(now), _expiry(container, item, now), etag, body, *keys, found.number)
        try:
            self._storage.write(container.statements.update, row)
        except sqlite3.IntegrityError:
            raise errors.conflict() from None
        commit.record_write()
        return StoredItem(found.number, sequence, int(now), etag, body)


def _etag(container: Container, sequence: int, ts: int) -> str:
    """A GUID in quotes. Unique, because the sequences of a container are."""
    return f'"{ts & 0xFFFF_FFFF:08x}-{container.number & 0xFFFF:04x}-0000-0000-{sequence:012x}"'


def _expiry(container: Container, item: Item, now: float) -> float | None:
    """The ttl of an item has an effect only if its container has a default ttl."""
    if container.default_ttl is None:
        return None
    ttl = item.get("ttl")
    if ttl is None:
        ttl = container.default_ttl
    return None if ttl == -1 else now + ttl


def _body(container: Container, item: Item, number: int, etag: str, ts: int) -> str:
    for name in _SYSTEM_PROPERTIES:
        if name in item:
            del item[name]
    try:
        text = json_text.encode(item)
    except ValueError:
        raise errors.bad_request("The input content is invalid: numbers must be finite.") from None
    if len(text) * 4 > MAX_ITEM_BYTES and len(text.encode("utf-8")) > MAX_ITEM_BYTES:
        raise errors.request_too_large()
    rid = resource_ids.item_rid(container.rid_bytes, number)
    quoted_etag = etag.replace('"', '\\"')
    return (
        f'{text[:-1]},"_rid":"{rid}","_self":"{container.self_link}docs/{rid}/","_etag":"{quoted_etag}",'
        f'"_attachments":"attachments/","_ts":{ts}}}'
    )
