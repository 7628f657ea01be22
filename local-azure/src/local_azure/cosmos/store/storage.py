"""The SQLite file: a connection that writes, one transaction in each turn of the event loop, and snapshots."""

import fcntl
import shutil
import sqlite3
import tempfile
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from local_azure.cosmos.store import partition_keys

IN_MEMORY = ":memory:"
"""A file of its own in the system's temporary folder, which is deleted at the end."""

PAGE_CACHE_KIB = 64 * 1024
SNAPSHOT_PAGE_CACHE_KIB = 2 * 1024  # each; they read through the memory map
IDLE_SNAPSHOTS = 4  # connections kept open, because opening one costs about as much as a short query
LOCK_TIMEOUT_SECONDS = 0.5  # for a previous process that is just ending
LOCK_POLL_SECONDS = 0.02
MEMORY_MAP_BYTES = 256 * 1024 * 1024
CHECKPOINT_PAGES = 8_000  # about 32 MB of write-ahead log; fewer checkpoints copy pages that change often less often

type Parameters = tuple[Any, ...] | list[Any]


class InUseError(Exception):
    """Another process has the file."""


class Snapshot:
    """The committed data of one moment. It does not see later writes, and they do not wait for it."""

    def __init__(self, connection: sqlite3.Connection, give_back: Callable[[sqlite3.Connection], None]) -> None:
        self._connection = connection
        self._give_back = give_back
        self._open = True
        # The moment is that of the first read.
        connection.execute("BEGIN")
        connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone()

    def read(self, statement: str, parameters: Parameters = ()) -> sqlite3.Cursor:
        return self._connection.execute(statement, parameters)

    def close(self) -> None:
        if self._open:
            self._open = False
            self._connection.execute("ROLLBACK")
            self._give_back(self._connection)


class Storage:
    """Reads see earlier writes; writes are durable after `commit`.

    With WAL and synchronous=NORMAL a commit survives the end of the process at any moment (the operating system has
    it). A power failure may lose the last commits, but never half of one. Raises InUseError.
    """

    def __init__(self, file: str) -> None:
        if file == IN_MEMORY:
            folder = tempfile.mkdtemp(prefix="cosmos-")
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
            file = f"{folder}/cosmos.sqlite3"
        self._file = file
        self._lock = _locked(Path(f"{file}-lock"))
        self._connection = _connect(file, PAGE_CACHE_KIB)
        self._idle: list[sqlite3.Connection] = []
        self._before_commit: list[Callable[[], None]] = []
        self._after_rollback: list[Callable[[], None]] = []
        self._execute = self._connection.execute
        for pragma in ("journal_mode=WAL", f"wal_autocheckpoint={CHECKPOINT_PAGES}", "synchronous=NORMAL"):
            self._execute(f"PRAGMA {pragma}")

    @property
    def pending(self) -> bool:
        """Whether there are writes that are not committed."""
        return self._connection.in_transaction

    def on_transaction_end(self, before_commit: Callable[[], None], after_rollback: Callable[[], None]) -> None:
        """Registers callbacks for state in memory: to write it at a commit, to reload it after a rollback."""
        self._before_commit.append(before_commit)
        self._after_rollback.append(after_rollback)

    def read(self, statement: str, parameters: Parameters = ()) -> sqlite3.Cursor:
        return self._execute(statement, parameters)

    def write(self, statement: str, parameters: Parameters = ()) -> sqlite3.Cursor:
        if not self._connection.in_transaction:
            self._execute("BEGIN IMMEDIATE")
        return self._execute(statement, parameters)

    def snapshot(self) -> Snapshot:
        """Commits what is pending, so that a query sees all earlier writes. To be closed."""
        if self.pending:
            self.commit()
        connection = self._idle.pop() if self._idle else _connect(self._file, SNAPSHOT_PAGE_CACHE_KIB)
        return Snapshot(connection, self._give_back)

    def _give_back(self, connection: sqlite3.Connection) -> None:
        if len(self._idle) < IDLE_SNAPSHOTS:
            self._idle.append(connection)
        else:
            connection.close()

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
        if not self.pending:
            return
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
        for connection in self._idle:
            connection.close()
        self._idle.clear()
        self._connection.close()
        self._lock.close()


def _connect(file: str, cache_kib: int) -> sqlite3.Connection:
    connection = sqlite3.connect(file, isolation_level=None, cached_statements=512, timeout=LOCK_TIMEOUT_SECONDS)
    for pragma in (f"cache_size=-{cache_kib}", f"mmap_size={MEMORY_MAP_BYTES}", "temp_store=MEMORY"):
        connection.execute(f"PRAGMA {pragma}")
    # Not a column, because only feed ranges need it, and the hash costs as much as the rest of an insertion in Python.
    connection.create_function("effective_key", 3, partition_keys.effective, deterministic=True)
    return connection


def _locked(path: Path) -> IO[bytes]:
    """An open file, locked until it is closed or the process ends: SQLite itself lets several processes write."""
    file = path.open("wb")
    deadline = time.monotonic() + LOCK_TIMEOUT_SECONDS
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                file.close()
                raise InUseError(f"{path}: another process has the lock") from None
            time.sleep(LOCK_POLL_SECONDS)
        else:
            return file
