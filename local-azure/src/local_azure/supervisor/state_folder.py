"""The state folder: databases, logs, and which processes are running."""

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import IO

import psutil
from pydantic import BaseModel, ValidationError

from local_azure.os_errors import explained
from local_azure.supervisor.services import StackError

MARKER = "local-azure-state"
LOCK = "lock"
LOGS = "logs"
RUNNING = "running.json"
LOG_LIMIT_BYTES = 5 * 1024 * 1024
# In seconds. A process is identified by its id and start time, because ids are reused.
START_TIME_TOLERANCE = 1.0
ORPHAN_TIMEOUT_SECONDS = 6.0
LOCK_TIMEOUT_SECONDS = 0.5


class ProcessIdentity(BaseModel):
    """`started` in seconds since 1970."""

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> "ProcessIdentity":
        try:
            return cls(pid=pid, started=psutil.Process(pid).create_time())
        except psutil.Error:
            return cls(pid=pid, started=0.0)

    def find(self) -> psutil.Process | None:
        """The process, if it is still running."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) < START_TIME_TOLERANCE
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.Error:
            return None


class Running(BaseModel):
    """running.json: what the commands need to know about a running stack.

    `ports`: of its services. `assigned_ports`: of all services of the settings file, for the placeholders. `settings`:
    the file with the settings of this run, if it has one.
    """

    supervisor: ProcessIdentity
    config: Path
    control_port: int
    token: str
    services: list[str]
    ports: dict[str, int]
    assigned_ports: dict[str, int]
    connection_strings: dict[str, str]
    settings: Path | None = None
    processes: dict[str, ProcessIdentity] = {}


class StateFolder:
    """A state folder. The process that holds its lock is the supervisor; the system releases the lock when it ends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self._lock: IO[str] | None = None

    def prepare(self) -> None:
        """Creates the folder. Raises StackError if that fails, or if the folder contains something else."""
        try:
            if self.folder.exists() and not (self.folder / MARKER).exists() and any(self.folder.iterdir()):
                raise StackError(f"{self.folder} contains something else; choose another folder with --state")
            (self.folder / LOGS).mkdir(parents=True, exist_ok=True)
            (self.folder / MARKER).touch()
        except OSError as error:
            raise StackError(
                f"{self.folder} cannot be used: {explained(error)}; or choose another folder with --state"
            ) from None

    def lock(self) -> None:
        """Makes this process the supervisor. Raises StackError if there is one already."""
        try:
            lock = (self.folder / LOCK).open("w")
        except OSError as error:
            raise StackError(f"{explained(error)}; or choose another folder with --state") from None
        deadline = time.monotonic() + LOCK_TIMEOUT_SECONDS
        while not _try_lock(lock, fcntl.LOCK_EX):
            if time.monotonic() < deadline:
                # `is_locked` of another process holds the lock for an instant.
                time.sleep(0.01)
                continue
            lock.close()
            raise self._in_use()
        self._lock = lock

    def refuse_in_use(self) -> None:
        """Raises StackError if there is a supervisor."""
        if self.is_locked:
            raise self._in_use()

    def _in_use(self) -> StackError:
        return StackError(
            f"it is already running, with the state folder {self.folder}. "
            "End it with Ctrl-C or `local-azure down`, or start a second one with --state FOLDER --free-ports."
        )

    def unlock(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    @property
    def is_locked(self) -> bool:
        """Whether a supervisor is running."""
        try:
            with (self.folder / LOCK).open("r") as lock:
                return not _try_lock(lock, fcntl.LOCK_SH)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise StackError(explained(error)) from None

    def log_file(self, service: str) -> Path:
        return self.folder / LOGS / f"{service}.log"

    def log_files(self) -> list[Path]:
        return sorted((self.folder / LOGS).glob("*.log"))

    def write_running(self, running: Running) -> None:
        """Replaces running.json atomically. Only its owner may read it, because it contains the token.

        Raises StackError, and leaves it as it was.
        """
        try:
            descriptor, temporary = tempfile.mkstemp(dir=self.folder)
            try:
                with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                    file.write(running.model_dump_json(indent=2))
                Path(temporary).replace(self.folder / RUNNING)
            except OSError:
                Path(temporary).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise StackError(f"{self.folder / RUNNING} cannot be written: {explained(error)}") from None

    def read_running(self) -> Running | None:
        """running.json, which may be stale; None if it is missing or invalid. Raises StackError if it is not ours."""
        try:
            return Running.model_validate_json((self.folder / RUNNING).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValidationError):
            return None
        except OSError as error:
            raise StackError(explained(error)) from None

    def remove_running(self) -> None:
        (self.folder / RUNNING).unlink(missing_ok=True)

    def end_orphans(self) -> list[str]:
        """Ends the services that a killed supervisor left, and removes its running.json. Returns their names.

        Raises StackError if they are those of another user.
        """
        if (running := self.read_running()) is None:
            return []
        orphans = {name: process for name, identity in running.processes.items() if (process := identity.find())}
        try:
            for process in orphans.values():
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.terminate()
            _, alive = psutil.wait_procs(orphans.values(), timeout=ORPHAN_TIMEOUT_SECONDS)
            for process in alive:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
        except psutil.AccessDenied as error:
            raise StackError(f"process {error.pid}, left by a killed run, belongs to another user") from None
        self.remove_running()
        return list(orphans)

    def empty(self) -> None:
        """Deletes the folder and its content.

        Raises StackError if it is not a state folder, and if not everything can be deleted.
        """
        try:
            if not self.folder.exists():
                return
            if not (self.folder / MARKER).exists():
                raise StackError(f"{self.folder} is not a state folder: it has no file {MARKER}; nothing was deleted")
            for entry in self.folder.iterdir():
                # At last: as long as something is left, this is a state folder, and `reset` can be repeated.
                if entry.name != MARKER:
                    shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
            shutil.rmtree(self.folder)
        except OSError as error:
            raise StackError(f"not everything could be deleted: {explained(error)}") from None


def limit_log(log: Path) -> None:
    """Moves the content of a log file larger than LOG_LIMIT_BYTES to `….log.1`. Raises OSError, and loses nothing."""
    if log.stat().st_size <= LOG_LIMIT_BYTES:
        return
    before = log.with_suffix(".log.1")
    # First, so that a full disk has space for the copy.
    before.unlink(missing_ok=True)
    try:
        shutil.copyfile(log, before)
    except OSError:
        before.unlink(missing_ok=True)
        raise
    # The service keeps writing to the open file, at its end.
    os.truncate(log, 0)


def _try_lock(file: IO[str], operation: int) -> bool:
    try:
        fcntl.flock(file, operation | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
