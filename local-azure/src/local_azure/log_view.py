"""Shows the last lines of log files, and follows them."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

POLL_SECONDS = 0.2

type Show = Callable[[str], None]


def tail(files: Sequence[Path], lines: int, show: Show) -> None:
    """Shows the last `lines` lines of each file."""
    for file in files:
        with file.open(encoding="utf-8", errors="replace") as log:
            for line in deque(log, maxlen=lines):
                show(_labelled(file, line, files))


def follow(files: Sequence[Path], show: Show, wait: Callable[[], None] = lambda: time.sleep(POLL_SECONDS)) -> None:
    """Shows new lines of the files, for ever. Calls `wait` when there are none."""
    positions = {file: file.stat().st_size for file in files}
    while True:
        if not sum(_show_added(file, positions, show, files) for file in files):
            wait()


def _show_added(file: Path, positions: dict[Path, int], show: Show, files: Sequence[Path]) -> int:
    """Shows the complete lines after the position, and moves it. Returns their number."""
    if not file.exists():
        # `reset` has deleted it; the next run makes another.
        positions[file] = 0
        return 0
    if file.stat().st_size < positions[file]:
        # The supervisor has emptied it, because it was too large.
        positions[file] = 0
    shown = 0
    with file.open("rb") as log:
        log.seek(positions[file])
        for line in log:
            if not line.endswith(b"\n"):
                break
            positions[file] += len(line)
            show(_labelled(file, line.decode(errors="replace"), files))
            shown += 1
    return shown


def _labelled(file: Path, line: str, files: Sequence[Path]) -> str:
    text = line.rstrip("\n")
    return f"{file.stem:<13} {text}" if len(files) > 1 else text
