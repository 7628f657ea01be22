"""The SQLite file: one connection, and one transaction for all writes of a turn of the event loop."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

PAGE_CACHE_KIB = 64 * 1024
LOCK_TIMEOUT_SECONDS = 0.5  # for a previous process that is just ending
MEMORY_MAP_BYTES = 256 * 1024 * 1024
CHECKPOINT_PAGES = 8_000  # about 32 MB of write-ahead log; fewer checkpoints copy pages that change often less often


class Storage:
    """Reads see earlier writes; writes are durable after `commit`.

    With WAL and synchronous=NORMAL a commit survives the end of the process at any moment (the operating system has
    it). A power failure may lose the last commits, but never half of one.
    """

    def __init__(self, file: str) -> None:
        self._connection = sqlite3.connect(
            file, isolation_level=None, cached_statements=512, timeout=LOCK_TIMEOUT_SECONDS
        )
        self._before_commit: list[Callable[[], None]] = []
        self._after_rollback: list[Callable[[], None]] = []
        self._execute = self._connection.execute
        for pragma in (
            # No other process may open the file; this saves locking and unlocking it for every statement.
            "locking_mode=EXCLUSIVE",
            "journal_mode=WAL",
            f"wal_autocheckpoint={CHECKPOINT_PAGES}",
            "synchronous=NORMAL",
            f"cache_size=-{PAGE_CACHE_KIB}",
            f"mmap_size={MEMORY_MAP_BYTES}",
            "temp_store=MEMORY",
        ):
            self._execute(f"PRAGMA {pragma}")

    @property
    def pending(self) -> bool:
        """Whether there are writes that are not committed."""
        return self._connection.in_transaction

    def on_transaction_end(self, before_commit: Callable[[], None], after_rollback: Callable[[], None]) -> None:
        """Registers callbacks for state in memory: to write it at a commit, to reload it after a rollback."""
        self._before_commit.append(before_commit)
        self._after_rollback.append(after_rollback)

    def read(self, statement: str, parameters: tuple[Any, ...] | list[Any] = ()) -> sqlite3.Cursor:
        return self._execute(statement, parameters)

    def write(self, statement: str, parameters: tuple[Any, ...] | list[Any] = ()) -> sqlite3.Cursor:
        if not self._connection.in_transaction:
            self._execute("BEGIN IMMEDIATE")
        return self._execute(statement, parameters)

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undoes the writes of the block if it raises an exception."""
        self.write("SAVEPOINT operation")
        try:
            yield
        except BaseException:
            self._execute("ROLLBACK TO operation")
            self._execute("RELEASE operation")
            raise
        self._execute("RELEASE operation")

    def commit(self) -> None:
        """Makes all writes durable. Raises sqlite3.Error, and undoes them."""
        try:
            for callback in self._before_commit:
                callback()
            self._execute("COMMIT")
        except sqlite3.Error:
            self.rollback()
            raise

    def rollback(self) -> None:
        if self._connection.in_transaction:
            self._execute("ROLLBACK")
        for callback in self._after_rollback:
            callback()

    def close(self) -> None:
        if self.pending:
            self.commit()
        self._connection.close()
