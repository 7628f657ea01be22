"""Restarts the apps whose files change, for `up --reload`."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from pathlib import Path

from pathspec import GitIgnoreSpec

from local_azure.supervisor.events import Event, Kind, Report
from local_azure.supervisor.services import StackError
from local_azure.supervisor.trouble import Trouble, cause

# A save is noticed after this time, and acted on when nothing more has changed for as long.
CHECK_SECONDS = 0.4
# What an app's code is, with the templates, texts and files of its pages, which most apps read once; the two files of
# settings are read when it starts, too.
SUFFIXES = (".py", ".html", ".toml", ".css", ".js", ".svg")
SETTINGS_FILES = ("host.json", "local.settings.json")
IGNORE_FILE = ".funcignore"
# Beside folders whose names start with a dot and virtual environments.
UNWATCHED_FOLDERS = frozenset({"__pycache__", "node_modules"})

type Snapshot = Mapping[Path, tuple[int, int]]


def snapshot(folder: Path) -> Snapshot:
    """Time of change and size of each file that the app in `folder` consists of: what `.funcignore` does not name."""
    found = {}
    for path in _files(folder):
        try:
            status = path.stat()
        except OSError:
            # Deleted meanwhile, as an editor may do when it saves.
            continue
        found[path] = (status.st_mtime_ns, status.st_size)
    return found


def _files(folder: Path) -> Iterator[Path]:
    yield from (folder / name for name in SETTINGS_FILES)
    ignored = _ignored(folder)
    for parent, folders, names in folder.walk():
        below = "".join(f"{part}/" for part in parent.relative_to(folder).parts)
        folders[:] = [name for name in folders if _is_watched(parent / name, f"{below}{name}/", ignored)]
        yield from (
            parent / name for name in names if name.endswith(SUFFIXES) and not ignored.match_file(f"{below}{name}")
        )


def _is_watched(folder: Path, below: str, ignored: GitIgnoreSpec) -> bool:
    if folder.name.startswith(".") or folder.name in UNWATCHED_FOLDERS or ignored.match_file(below):
        return False
    return not (folder / "pyvenv.cfg").exists()


def _ignored(folder: Path) -> GitIgnoreSpec:
    """What is not deployed, and so is not part of the app."""
    try:
        lines = (folder / IGNORE_FILE).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        lines = []
    return GitIgnoreSpec.from_lines(lines)


class Reloading:
    """Calls `restart` with the name of each app whose files change. `folders`: where each app is."""

    def __init__(self, folders: Mapping[str, Path], restart: Callable[[str], Awaitable[None]], report: Report) -> None:
        self._folders = folders
        self._restart = restart
        self._report = report
        self._trouble = Trouble(report, "", "changes of the code are not noticed")
        self._seen: dict[Path, Snapshot] = {}

    async def run(self) -> None:
        """Never returns."""
        self._seen = await self._snapshots()
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            try:
                changed = await self._changed()
            except Exception as error:  # the loop outlives any error
                self._trouble.caused_by(error)
            else:
                self._trouble.over()
                await asyncio.gather(*(self._reload(name) for name in self._apps_in(changed)))

    async def _changed(self) -> set[Path]:
        """The folders in which something has changed, once nothing changes any more: many files are saved as one."""
        changed: set[Path] = set()
        while True:
            now = await self._snapshots()
            changing = {folder for folder in now if now[folder] != self._seen[folder]}
            self._seen = now
            if not changing:
                return changed
            changed |= changing
            await asyncio.sleep(CHECK_SECONDS)

    async def _snapshots(self) -> dict[Path, Snapshot]:
        def look() -> dict[Path, Snapshot]:
            return {folder: snapshot(folder) for folder in set(self._folders.values())}

        return await asyncio.to_thread(look)

    def _apps_in(self, changed: set[Path]) -> Iterable[str]:
        return [name for name, folder in self._folders.items() if folder in changed]

    async def _reload(self, name: str) -> None:
        try:
            await self._restart(name)
        except (StackError, OSError) as error:
            self._report(Event(Kind.NOTICE, name, cause(error).splitlines()[0]))
