"""Messages, sequence numbers and the history of duplicate detection, in one SQLite file.

All writes of one turn of the event loop share a transaction, and clients get their answers after its commit. SQLite is
called on the event loop: with WAL and synchronous=NORMAL a commit only writes to the page cache, which survives a kill
of this process, and costs less than a switch of threads. Only the checkpoint waits for the disk; it runs in a thread.

Times and durations in milliseconds.
"""

import logging
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from local_azure.service_bus.errors import StateNotRead, StateNotWritten
from local_azure.service_bus.message import Message, State

log = logging.getLogger(__name__)

MEMORY = ":memory:"
MAX_LOG_SIZE = 32 * 1024 * 1024  # bytes of the write-ahead log, which grows while writes never pause
_QUEUE_SHIFT = 48  # a row's id is queue << 48 | sequence number, so a queue's messages lie together and in order
_SEQUENCE_MASK = (1 << _QUEUE_SHIFT) - 1

_SCHEMA = """
CREATE TABLE IF NOT EXISTS queues (
    number INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, reserved INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY, state INTEGER NOT NULL, delivery_count INTEGER NOT NULL, enqueued_at INTEGER NOT NULL,
    time_to_live INTEGER, due_at INTEGER, header BLOB NOT NULL, annotations BLOB NOT NULL, content BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS messages_due ON messages (due_at) WHERE due_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS sent_ids (
    queue INTEGER NOT NULL, message_id TEXT NOT NULL, forget_at INTEGER NOT NULL, PRIMARY KEY (queue, message_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sent_ids_forget ON sent_ids (forget_at);
"""
_COLUMNS = "id, state, delivery_count, enqueued_at, time_to_live, header, annotations, content"

type Row = tuple[int, int, int, int, int | None, int | None, bytes, bytes, bytes | None]


class Due(NamedTuple):
    """A message that expires or is to be enqueued. `position` is for the next call of `Store.load_due`."""

    position: tuple[int, int]
    queue: int
    sequence_number: int
    state: State


def row_id(queue: int, sequence_number: int) -> int:
    return queue << _QUEUE_SHIFT | sequence_number


def new_row(queue: int, message: Message, due_at: int | None) -> Row:
    """A row for `Store.insert`. `due_at`: when the message expires or is to be enqueued."""
    return (
        row_id(queue, message.sequence_number),
        message.state,
        message.delivery_count,
        message.enqueued_at,
        message.time_to_live,
        due_at,
        message.header,
        message.annotations,
        message.content,
    )


def sequence_number_of(row: Row) -> int:
    return row[0] & _SEQUENCE_MASK


def due_at_of(row: Row) -> int | None:
    return row[5]


def _message(row: Sequence[Any]) -> Message:
    identity, state, *rest = row
    return Message(identity & _SEQUENCE_MASK, State(state), *rest)


def _call(callback: Callable[[], None]) -> None:
    try:
        callback()
    except Exception:
        # A bug that one client's request triggers must not keep the answers of the others back.
        log.exception("a bug in this server, after a commit")


class Store:
    """One file with one writer. `defer` runs a callable at the end of the current turn of the event loop.

    Raises StateNotWritten, which undoes the whole turn, and StateNotRead.
    """

    def __init__(self, database: Path | str, defer: Callable[[Callable[[], None]], object]) -> None:
        self._database = str(database)
        self._defer = defer
        self._connection = sqlite3.connect(self._database, isolation_level=None, cached_statements=64)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.execute("PRAGMA wal_autocheckpoint=0")
        self._connection.executescript(_SCHEMA)
        self._open = False
        self._changed = True
        self._waiting: list[tuple[Callable[[], None], Callable[[], None] | None]] = []

    def after_commit(self, committed: Callable[[], None], failed: Callable[[], None] | None = None) -> None:
        """Calls one of both after the writes of this turn ended; `committed` at once if there are none."""
        if self._open:
            self._waiting.append((committed, failed))
        else:
            committed()

    def flush(self) -> None:
        """Commits this turn's writes now."""
        if not self._open:
            return
        try:
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._abort(error)
            return
        self._open = False
        self._changed = True
        waiting, self._waiting = self._waiting, []
        for committed, _ in waiting:
            _call(committed)

    def _abort(self, error: sqlite3.Error) -> None:
        log.error("the writes of this turn were rolled back: %s", error)
        self._open = False
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        waiting, self._waiting = self._waiting, []
        for _, failed in waiting:
            if failed is not None:
                _call(failed)

    def _write(self, sql: str, parameters: Sequence[Any]) -> sqlite3.Cursor:
        try:
            self._begin()
            return self._connection.execute(sql, parameters)
        except sqlite3.Error as error:
            self._abort(error)
            raise StateNotWritten(str(error)) from error

    def _begin(self) -> None:
        if not self._open:
            self._connection.execute("BEGIN IMMEDIATE")
            self._open = True
            self._defer(self.flush)

    def open_queue(self, path: str) -> tuple[int, int]:
        """The number of a queue and its highest reserved sequence number. Creates the queue if it does not exist."""
        self._connection.execute("INSERT INTO queues (path) VALUES (?) ON CONFLICT DO NOTHING", (path,))
        number, reserved = self._connection.execute(
            "SELECT number, reserved FROM queues WHERE path = ?", (path,)
        ).fetchone()
        return number, reserved

    def reserve(self, queue: int, reserved: int) -> None:
        """Reserves sequence numbers up to `reserved`."""
        self._write("UPDATE queues SET reserved = ? WHERE number = ?", (reserved, queue))

    def insert(self, rows: Iterable[Row]) -> None:
        try:
            self._begin()
            self._connection.executemany("INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        except sqlite3.Error as error:
            self._abort(error)
            raise StateNotWritten(str(error)) from error

    def delete(self, queue: int, sequence_number: int) -> None:
        self._write("DELETE FROM messages WHERE id = ?", (row_id(queue, sequence_number),))

    def set_delivery_count(self, queue: int, sequence_number: int, count: int) -> None:
        self._write("UPDATE messages SET delivery_count = ? WHERE id = ?", (count, row_id(queue, sequence_number)))

    def set_state(self, queue: int, sequence_number: int, state: State) -> None:
        self._write("UPDATE messages SET state = ? WHERE id = ?", (state, row_id(queue, sequence_number)))

    def move(self, source: int, target: int, message: Message) -> None:
        """Moves a message to another queue: active, without expiry, with its current delivery count and content."""
        self._write(
            "UPDATE messages SET id = ?, state = 0, due_at = NULL, time_to_live = NULL, delivery_count = ?, content = ?"
            " WHERE id = ?",
            (
                row_id(target, message.sequence_number),
                message.delivery_count,
                message.content,
                row_id(source, message.sequence_number),
            ),
        )

    def _read(self, sql: str, parameters: Sequence[Any]) -> list[Any]:
        """Reads committed rows: commits this turn's writes first."""
        self.flush()
        try:
            return self._connection.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            raise StateNotRead(str(error)) from error

    def load(self, queue: int, sequence_number: int) -> Message | None:
        rows = self._read(
            f"SELECT {_COLUMNS} FROM messages WHERE id = ?",  # noqa: S608 - the column names are a constant
            (row_id(queue, sequence_number),),
        )
        return _message(rows[0]) if rows else None

    def load_from(self, queue: int, sequence_number: int, count: int, *, active_only: bool) -> list[Message]:
        """The first `count` messages from a sequence number on, in order of sequence numbers."""
        highest_state = State.ACTIVE if active_only else State.SCHEDULED
        rows = self._read(
            f"SELECT {_COLUMNS} FROM messages WHERE id >= ? AND id < ? AND state <= ?"  # noqa: S608 - as above
            " ORDER BY id LIMIT ?",
            (row_id(queue, max(sequence_number, 0)), row_id(queue + 1, 0), highest_state, count),
        )
        return [_message(row) for row in rows]

    def load_due(self, now: int, after: tuple[int, int], count: int) -> list[Due]:
        """Messages that have expired or are to be enqueued, by time; `after`: position of the last one handled."""
        rows = self._read(
            "SELECT due_at, id, state FROM messages WHERE (due_at, id) > (?, ?) AND due_at <= ?"
            " ORDER BY due_at, id LIMIT ?",
            (*after, now, count),
        )
        return [
            Due((due_at, identity), identity >> _QUEUE_SHIFT, identity & _SEQUENCE_MASK, State(state))
            for due_at, identity, state in rows
        ]

    def next_due(self, after: int) -> int | None:
        """When the next message after `after` expires or is to be enqueued."""
        due: int | None = self._read("SELECT min(due_at) FROM messages WHERE due_at > ?", (after,))[0][0]
        return due

    def remember_sent(self, queue: int, message_id: str, now: int, forget_at: int) -> bool:
        """Remembers the id of a sent message until `forget_at`. False if it is remembered already: a duplicate."""
        cursor = self._write(
            "INSERT INTO sent_ids VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET forget_at = excluded.forget_at"
            " WHERE forget_at <= ?",
            (queue, message_id, forget_at, now),
        )
        return cursor.rowcount > 0

    def forget_sent(self, now: int) -> None:
        self._write("DELETE FROM sent_ids WHERE forget_at <= ?", (now,))

    def checkpoint(self) -> None:
        """Moves the write-ahead log into the database file. Blocks on the disk: call it in a thread."""
        if self._database == MEMORY or not self._changed:
            return
        self._changed = False
        connection = sqlite3.connect(self._database, isolation_level=None)
        try:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        finally:
            connection.close()

    def restart_log(self) -> None:
        """Truncates the write-ahead log if it exceeds MAX_LOG_SIZE: a checkpoint cannot while writes never pause."""
        if self._log_size() > MAX_LOG_SIZE:
            self.flush()
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _log_size(self) -> int:
        try:
            return Path(f"{self._database}-wal").stat().st_size
        except FileNotFoundError:
            return 0

    def close(self) -> None:
        self.flush()
        self._connection.close()
