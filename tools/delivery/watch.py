"""Calling a system while it is being changed, to see whether a caller would have noticed."""

import http.client
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

# What nobody has: the answer costs one look, shows nobody's data, and comes from the app and its database.
PATHS = tuple(f"/{name}/00000000-0000-7000-8000-000000000000" for name in ("customers", "kakaos", "customerViews"))
CALL_SECONDS = 30
END_SECONDS = 2 * CALL_SECONDS


@dataclass
class Watch:
    """Calls the three services of the gateway at `address` every `pause` seconds, from entering to leaving.

    Each is watched from its first good answer on, on entering or later: nobody can miss what was not there before.
    """

    address: str
    pause: float = 1
    calls: int = 0
    failures: list[str] = field(default_factory=list)
    broken: str | None = None

    def __post_init__(self) -> None:
        self._ended = threading.Event()
        self._looked = threading.Event()
        self._nothing_to_wait_for = threading.Event()
        self._seen: set[str] = set()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._looked.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join(END_SECONDS)
        if self._thread.is_alive():
            self.broken = f"a call had no answer {END_SECONDS} s after the end"

    def wait_until_seen(self, seconds: float) -> None:
        """Waits until each service has answered well once, at most that long."""
        self._nothing_to_wait_for.wait(seconds)

    def unknown(self) -> list[str]:
        """Why the failures may not be all."""
        never = [f"{_service(path)} never answered well: not watched" for path in PATHS if path not in self._seen]
        return never + ([f"the watch broke off: {self.broken}"] if self.broken else [])

    def _run(self) -> None:
        try:
            self._look()
            self._looked.set()
            while not self._ended.wait(self.pause):
                self._look()
        except Exception as error:  # the edge of the thread: one that died unseen would tell of no failures
            self.broken = repr(error)
        finally:
            self._looked.set()
            self._nothing_to_wait_for.set()

    def _look(self) -> None:
        for path in PATHS:
            if self._ended.is_set():
                return
            wrong = failure(self.address + path)
            if path in self._seen:
                self.calls += 1
                if wrong:
                    self.failures.append(f"{_service(path)}: {wrong}")
            elif not wrong:
                self._seen.add(path)
        if len(self._seen) == len(PATHS):
            self._nothing_to_wait_for.set()


def _service(path: str) -> str:
    return path.split("/")[1]


def failure(url: str) -> str | None:
    """What is wrong with the answer about somebody who does not exist; None where an app says 404, as it should."""
    if not url.startswith(("http://", "https://")):
        return "no address"
    try:
        status, body = _answer(url)
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        return type(error).__name__
    return None if status == 404 and b"traceId" in body else str(status)


def _answer(url: str) -> tuple[int, bytes]:
    """Status and body, which may break off as well: its exceptions are those of a call."""
    try:
        with urllib.request.urlopen(url, timeout=CALL_SECONDS) as response:  # noqa: S310 see above
            return response.status, b""
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()
