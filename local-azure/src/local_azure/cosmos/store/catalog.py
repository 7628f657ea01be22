"""The databases and containers of the account, in memory and in SQLite."""

import json
import logging
from collections.abc import Callable, Iterable
from typing import Any

from local_azure.cosmos import errors
from local_azure.cosmos.store.containers import POSITION_BITS, Container, Database, check_id, normalized_definition
from local_azure.cosmos.store.statements import Statements
from local_azure.cosmos.store.storage import Storage

REINDEX_BATCH = 500  # bodies in memory at once

_log = logging.getLogger(__name__)

_DATABASES = """
CREATE TABLE IF NOT EXISTS databases (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, ts INTEGER NOT NULL, etag TEXT NOT NULL
)
"""
_CONTAINERS = """
CREATE TABLE IF NOT EXISTS containers (
    number INTEGER PRIMARY KEY AUTOINCREMENT, database INTEGER NOT NULL, id TEXT NOT NULL, definition TEXT NOT NULL,
    ts INTEGER NOT NULL, etag TEXT NOT NULL, lsn INTEGER NOT NULL, UNIQUE (database, id)
)
"""


class Catalog:
    """Finds resources by id or, for the self links of the SDKs, by `_rid`."""

    def __init__(self, storage: Storage, clock: Callable[[], float]) -> None:
        self._storage = storage
        self._clock = clock
        self._databases: dict[str, Database] = {}
        self._containers: dict[tuple[str, str], Container] = {}
        self._lsns_to_write: set[int] = set()
        for statement in (_DATABASES, _CONTAINERS):
            storage.write(statement)
        storage.on_transaction_end(self._write_lsns, self._load)
        self._load()
        for container in self.containers():
            self._add_missing_indexes(container)
            # A start that is stopped in the middle of many items goes on from here the next time.
            storage.commit()

    def _load(self) -> None:
        self._lsns_to_write.clear()
        databases = {
            number: Database(number, name, ts, etag)
            for number, name, ts, etag in self._storage.read("SELECT number, id, ts, etag FROM databases")
        }
        rows = self._storage.read("SELECT number, database, id, definition, ts, etag, lsn FROM containers").fetchall()
        self._databases = {database.id: database for database in databases.values()}
        self._containers = {}
        for number, owner, name, definition, ts, etag, lsn in rows:
            database = databases[owner]
            self._upgrade(number, f"{database.id}/{name}")
            (last,) = self._storage.read(Statements.of_table(number).last_sequence).fetchone()
            last_lsn = max(lsn, (last or 0) >> POSITION_BITS)
            container = Container(number, database, name, json.loads(definition), ts, etag, last_lsn)
            self._containers[database.id, name] = container

    def _upgrade(self, number: int, name: str) -> None:
        """The table of an older version, once."""
        statements = Statements.of_table(number)
        if any(row[1] == "effective_key" for row in self._storage.read(statements.columns)):
            _log.info("%s: bringing the table of an older version up to date", name)
            for statement in statements.upgrade:
                self._storage.write(statement)

    def _add_missing_indexes(self, container: Container) -> None:
        """For the paths of the policy: of a new container, after a change, or in a state folder of an older version."""
        statements = container.statements
        existing = {row[1] for row in self._storage.read(statements.columns)}
        missing = [column for column in statements.add_column if column not in existing]
        for column in missing:
            self._storage.write(statements.add_column[column])
        if not missing:
            return
        last, filled = -1, 0
        while rows := self._storage.read(statements.bodies, (last, REINDEX_BATCH)).fetchall():
            for number, body in rows:
                keys = container.order_keys_of(json.loads(body))
                self._storage.write(statements.fill_columns, (*keys, number))
            last, filled = rows[-1][0], filled + len(rows)
        for column in missing:
            self._storage.write(statements.add_index[column])
        if filled:
            paths = ", ".join("/" + "/".join(path) for path, column in container.indexing.indexed if column in missing)
            _log.info("%s/%s: indexed %s of %d items", container.database.id, container.id, paths, filled)

    def _drop_indexes(self, before: Container, after: Container) -> None:
        """Of the paths that the policy no longer names: their keys would not be kept up to date."""
        kept = {column for _, column in after.indexing.indexed}
        for _, column in before.indexing.indexed:
            if column not in kept:
                self._storage.write(f"DROP INDEX items_{before.number:d}_by_{column}")
                self._storage.write(f"ALTER TABLE items_{before.number:d} DROP COLUMN {column}")

    def _write_lsns(self) -> None:
        for container in self._containers.values():
            if container.number in self._lsns_to_write:
                statement = "UPDATE containers SET lsn = ? WHERE number = ?"
                self._storage.write(statement, (container.lsn, container.number))
        self._lsns_to_write.clear()

    def persist_lsn(self, container: Container) -> None:
        """Writes the LSN with the next commit, because the item that it could be derived from is being deleted.

        No LSN may be used twice: a reader of the change feed would skip the second use.
        """
        self._lsns_to_write.add(container.number)

    def databases(self) -> list[Database]:
        return sorted(self._databases.values(), key=lambda database: database.number)

    def containers(self, database: Database | None = None) -> list[Container]:
        found: Iterable[Container] = self._containers.values()
        if database is not None:
            found = (container for container in found if container.database is database)
        return sorted(found, key=lambda container: container.number)

    def find_database(self, name: str) -> Database | None:
        """By id, or by `_rid`."""
        found = self._databases.get(name)
        if found is None and name.endswith("="):
            return next((database for database in self._databases.values() if database.rid == name), None)
        return found

    def find_container(self, database: str, name: str) -> Container | None:
        """By id, or by `_rid`."""
        found = self._containers.get((database, name))
        if found is None and name.endswith("="):
            return next((container for container in self._containers.values() if container.rid == name), None)
        return found

    def _etag(self, ts: int, number: int) -> str:
        return f'"{number & 0xFFFF_FFFF:08x}-0000-0000-0000-{ts:08x}0000"'

    def create_database(self, name: object) -> Database:
        """Raises bad_request, conflict."""
        name = check_id(name)
        if name in self._databases:
            raise errors.conflict()
        ts = int(self._clock())
        etag = self._etag(ts, len(self._databases))
        statement = "INSERT INTO databases (id, ts, etag) VALUES (?, ?, ?)"
        number = self._storage.write(statement, (name, ts, etag)).lastrowid or 0
        database = self._databases[name] = Database(number, name, ts, etag)
        return database

    def delete_database(self, database: Database) -> None:
        with self._storage.savepoint():
            for container in self.containers(database):
                self.delete_container(container)
            self._storage.write("DELETE FROM databases WHERE number = ?", (database.number,))
        del self._databases[database.id]

    def create_container(self, database: Database, resource: dict[str, Any]) -> Container:
        """Raises bad_request, conflict."""
        name = check_id(resource.get("id"))
        if (database.id, name) in self._containers:
            raise errors.conflict()
        definition = normalized_definition(resource)
        ts = int(self._clock())
        etag = self._etag(ts, database.number)
        with self._storage.savepoint():
            statement = "INSERT INTO containers (database, id, definition, ts, etag, lsn) VALUES (?, ?, ?, ?, ?, 0)"
            parameters = (database.number, name, json.dumps(definition), ts, etag)
            number = self._storage.write(statement, parameters).lastrowid or 0
            container = Container(number, database, name, definition, ts, etag, lsn=0)
            for create in container.statements.create_table:
                self._storage.write(create)
            self._add_missing_indexes(container)
        self._containers[database.id, name] = container
        return container

    def differs(self, container: Container, resource: dict[str, Any]) -> bool:
        """Whether a replacement by `resource` would change anything. Raises bad_request."""
        return normalized_definition(resource) != container.definition

    def replace_container(self, container: Container, resource: dict[str, Any]) -> Container:
        """Raises bad_request if the id or the partition key would change."""
        definition = normalized_definition({"partitionKey": container.definition["partitionKey"], **resource})
        if resource.get("id") != container.id:
            raise errors.bad_request("The id of a container cannot be changed.")
        if definition["partitionKey"] != container.definition["partitionKey"]:
            raise errors.bad_request("Document collection partition key cannot be changed.")
        ts = int(self._clock())
        etag = self._etag(ts, container.lsn + 1)
        changed = Container(container.number, container.database, container.id, definition, ts, etag, container.lsn)
        with self._storage.savepoint():
            statement = "UPDATE containers SET definition = ?, ts = ?, etag = ? WHERE number = ?"
            self._storage.write(statement, (json.dumps(definition), ts, etag, container.number))
            if changed.default_ttl != container.default_ttl:
                self._storage.write(container.statements.set_expiry, (changed.default_ttl,))
            self._drop_indexes(container, changed)
            self._add_missing_indexes(changed)
        self._containers[container.database.id, container.id] = changed
        return changed

    def delete_container(self, container: Container) -> None:
        with self._storage.savepoint():
            self._storage.write(container.statements.drop_table)
            self._storage.write("DELETE FROM containers WHERE number = ?", (container.number,))
        del self._containers[container.database.id, container.id]
