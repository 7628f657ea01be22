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

    What did not answer on entering is not watched: nobody can notice that it is gone.
    """

    address: str
    pause: float = 1
    calls: int = 0
    failures: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._paths: list[str] = []

    def __enter__(self) -> Self:
        self._paths = [path for path in PATHS if failure(self.address + path) is None]
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join(END_SECONDS)

    def _run(self) -> None:
        while not self._ended.wait(self.pause):
            for path in self._paths:
                self.calls += 1
                if wrong := failure(self.address + path):
                    self.failures.append(f"{path.split('/')[1]}: {wrong}")


def failure(url: str) -> str | None:
    """What is wrong with the answer about somebody who does not exist; None where an app says 404, as it should."""
    if not url.startswith(("http://", "https://")):
        return "no address"
    try:
        with urllib.request.urlopen(url, timeout=CALL_SECONDS) as response:  # noqa: S310 see above
            return str(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return None if error.code == 404 and b"traceId" in error.read() else str(error.code)
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        return type(error).__name__
