"""The last run of each timer, in one small file.

Azure keeps it in blobs of the storage account. A file needs no other service, so timers run while the storage is down;
it is replaced by a rename, so it survives a kill at any moment.
"""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from local_azure.functions_host.errors import StartError


@dataclass(frozen=True, slots=True)
class Run:
    """The last run of a timer and the due time after it, both UTC in ISO 8601."""

    last: str
    next: str
    updated: str

    @classmethod
    def at(cls, last: datetime, following: datetime) -> "Run":
        return cls(_iso(last), _iso(following), _iso(last))

    @property
    def due(self) -> datetime:
        return datetime.fromisoformat(self.next)


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


class TimerState:
    """The runs in `file`, by function name. Raises StartError if it is malformed."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._runs: dict[str, Run] = {}
        self.read()

    def read(self) -> None:
        """Reads the file again. Raises StartError if it is malformed."""
        if self._file.is_file():
            try:
                runs = json.loads(self._file.read_text(encoding="utf-8"))
                self._runs = {name: Run(**run) for name, run in runs.items()}
            except (ValueError, TypeError, AttributeError):
                raise StartError(f"{self._file}: does not contain the last runs of timers; delete it") from None

    def get(self, function: str) -> Run | None:
        return self._runs.get(function)

    def put(self, function: str, run: Run) -> None:
        self._runs[function] = run
        self._file.parent.mkdir(parents=True, exist_ok=True)
        draft = self._file.with_suffix(".draft")
        draft.write_text(json.dumps({name: asdict(each) for name, each in self._runs.items()}), encoding="utf-8")
        draft.replace(self._file)
