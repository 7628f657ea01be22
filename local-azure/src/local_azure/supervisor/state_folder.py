"""The folder with everything the stack keeps: databases, logs, and which processes run."""

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

from local_azure.supervisor.services import StackError

MARKER = "local-azure-state"
LOCK = "lock"
LOGS = "logs"
RUNNING = "running.json"
LOG_LIMIT_BYTES = 5 * 1024 * 1024
# A process is known by its id and the time it was started, because ids are used again. In seconds.
START_TIME_TOLERANCE = 1.0
ORPHAN_TIMEOUT_SECONDS = 6.0
LOCK_TIMEOUT_SECONDS = 0.5


class ProcessIdentity(BaseModel):
    """A process. `started` in seconds since the epoch."""

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> "ProcessIdentity":
        try:
            return cls(pid=pid, started=psutil.Process(pid).create_time())
        except psutil.Error:
            return cls(pid=pid, started=0.0)

    def find(self) -> psutil.Process | None:
        """The process, if it still runs."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) < START_TIME_TOLERANCE
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.Error:
            return None


class Running(BaseModel):
    """running.json: what the commands have to know of a stack that runs."""

    supervisor: ProcessIdentity
    config: Path
    control_port: int
    token: str
    services: list[str] = []
    ports: dict[str, int]
    connection_strings: dict[str, str] = {}
    processes: dict[str, ProcessIdentity] = {}


class StateFolder:
    """A state folder. Whoever holds its lock is its supervisor; the system drops the lock when that process dies."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self._lock: IO[str] | None = None

    def prepare(self) -> None:
        """Creates the folder. Raises StackError where that cannot be, or where it holds something else."""
        try:
            if self.folder.exists() and not (self.folder / MARKER).exists() and any(self.folder.iterdir()):
                raise StackError(f"{self.folder} holds something else; name another folder with --state")
            (self.folder / LOGS).mkdir(parents=True, exist_ok=True)
            (self.folder / MARKER).touch()
        except OSError as error:
            raise StackError(f"{self.folder} cannot hold the state: {error.strerror}; name another --state") from None

    def lock(self) -> None:
        """Makes this process the supervisor. Raises StackError where there is one."""
        lock = (self.folder / LOCK).open("w")
        deadline = time.monotonic() + LOCK_TIMEOUT_SECONDS
        while not _locks(lock, fcntl.LOCK_EX):
            if time.monotonic() < deadline:
                # A command that looks whether there is a supervisor holds the lock for an instant.
                time.sleep(0.01)
                continue
            lock.close()
            raise StackError(
                f"it runs already, with its state in {self.folder}. "
                "End it with Ctrl-C or `python -m local_azure down`, or start a second one with --state FOLDER "
                "--free-ports."
            )
        self._lock = lock

    def unlock(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    @property
    def is_locked(self) -> bool:
        """Whether some process is the supervisor now."""
        try:
            with (self.folder / LOCK).open("r") as lock:
                return not _locks(lock, fcntl.LOCK_SH)
        except FileNotFoundError:
            return False

    def log_file(self, service: str) -> Path:
        return self.folder / LOGS / f"{service}.log"

    def log_files(self) -> list[Path]:
        return sorted((self.folder / LOGS).glob("*.log"))

    def limit_logs(self) -> None:
        """Moves the content of each log file beyond LOG_LIMIT_BYTES to `….log.1`."""
        for log in self.log_files():
            if log.stat().st_size > LOG_LIMIT_BYTES:
                shutil.copyfile(log, log.with_suffix(".log.1"))
                # The service goes on writing to the open file, at its end.
                os.truncate(log, 0)

    def write_running(self, running: Running) -> None:
        """Replaces running.json atomically. Only its owner may read it: it has the token."""
        descriptor, temporary = tempfile.mkstemp(dir=self.folder)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(running.model_dump_json(indent=2))
        Path(temporary).replace(self.folder / RUNNING)

    def read_running(self) -> Running | None:
        """running.json, be it stale or not; None: there is none that can be read."""
        try:
            return Running.model_validate_json((self.folder / RUNNING).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValidationError):
            return None

    def remove_running(self) -> None:
        (self.folder / RUNNING).unlink(missing_ok=True)

    def end_orphans(self) -> list[str]:
        """Ends what a supervisor left that was killed, and removes its running.json. Returns the services' names."""
        if (running := self.read_running()) is None:
            return []
        orphans = {name: process for name, known in running.processes.items() if (process := known.find())}
        for process in orphans.values():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate()
        _, alive = psutil.wait_procs(orphans.values(), timeout=ORPHAN_TIMEOUT_SECONDS)
        for process in alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.remove_running()
        return list(orphans)

    def empty(self) -> None:
        """Deletes everything in the folder, and the folder. Raises StackError where it is not a state folder."""
        if not self.folder.exists():
            return
        if not (self.folder / MARKER).exists():
            raise StackError(f"{self.folder} is not a state folder: it has no file {MARKER}; nothing was deleted")
        shutil.rmtree(self.folder)


def _locks(file: IO[str], operation: int) -> bool:
    try:
        fcntl.flock(file, operation | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
