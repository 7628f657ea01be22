"""`up --reload`: a changed app is restarted; a broken one is not, and the one before it keeps running."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local_azure.stack import Stack
from local_azure.supervisor.lifecycle import StackOptions
from local_azure.supervisor.reloading import CHECK_SECONDS, snapshot
from tests.integration.local_azure.test_stack import get
from tests.integration.local_azure.tiny_app import FUNCTION_APP, write_tiny_app

DEADLINE_SECONDS = 60.0
GREETING = 'os.environ["GREETING"]'


class Edited:
    """A stack that reloads, and the code of its app."""

    def __init__(self, folder: Path) -> None:
        self.app = folder / "app"
        config = write_tiny_app(folder)
        (self.app / "greeting.py").write_text('TEXT = "first"\n')
        self.save(FUNCTION_APP.replace(GREETING, "greeting.TEXT").replace("import os", "import greeting"))
        self.stack = Stack.start_in_background(StackOptions(config, free_ports=True, reload=True), folder / "state")

    def save(self, code: str) -> None:
        (self.app / "function_app.py").write_text(code)

    @property
    def greeting(self) -> str:
        return get(f"{self.stack.url('gateway')}/hello")[1]

    @property
    def starts(self) -> int:
        """How often a process of the app has become ready."""
        return self.stack.log("supervisor").count("tiny ready")


@pytest.fixture
def edited(tmp_path: Path) -> Iterator[Edited]:
    edited = Edited(tmp_path)
    yield edited
    edited.stack.down()


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_files_that_are_saved_together_are_one_restart(edited: Edited) -> None:
    for number in range(5):
        (edited.app / f"other_{number}.py").write_text("")
        time.sleep(CHECK_SECONDS / 3)
    (edited.app / "greeting.py").write_text('TEXT = "second"\n')

    wait_until(lambda: edited.greeting == "second")
    time.sleep(3 * CHECK_SECONDS)
    assert edited.starts == 2


def test_broken_code_is_one_line_and_the_app_runs_on_until_it_is_repaired(edited: Edited) -> None:
    pid = edited.stack.pid("tiny")
    (edited.app / "greeting.py").write_text("def broken(\n")

    def notices() -> list[str]:
        return [line for line in edited.stack.log("supervisor").splitlines() if "notice not restarted" in line]

    wait_until(lambda: bool(notices()))
    time.sleep(3 * CHECK_SECONDS)
    assert len(notices()) == 1
    assert "SyntaxError: '(' was never closed" in notices()[0]
    assert (edited.stack.pid("tiny"), edited.greeting) == (pid, "first")

    (edited.app / "greeting.py").write_text('TEXT = "repaired"\n')
    wait_until(lambda: edited.greeting == "repaired")


def test_an_app_that_is_stopped_stays_stopped(edited: Edited) -> None:
    edited.stack.stop_service("tiny")
    (edited.app / "greeting.py").write_text('TEXT = "second"\n')
    time.sleep(4 * CHECK_SECONDS)

    assert edited.starts == 1
    edited.stack.start_service("tiny")
    assert edited.greeting == "second"


def test_only_what_would_be_deployed_is_watched(tmp_path: Path) -> None:
    page = ("functions/page.html", "functions/words.toml", "functions/style.css")
    for name in (
        "function_app.py",
        "host.json",
        "notes.md",
        "functions/one.py",
        "tests/test_one.py",
        "deploy.py",
        *page,
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    for folder in (".git", "__pycache__", "node_modules", "environment"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "other.py").touch()
    (tmp_path / "environment" / "pyvenv.cfg").touch()
    (tmp_path / ".funcignore").write_text("/*\n!/function_app.py\n!/functions/\n")

    watched = {Path(path).relative_to(tmp_path).as_posix() for path in snapshot(tmp_path)}

    assert watched == {"function_app.py", "host.json", "functions/one.py", *page}
    (tmp_path / ".funcignore").unlink()
    watched = {Path(path).relative_to(tmp_path).as_posix() for path in snapshot(tmp_path)}
    assert watched == {"function_app.py", "host.json", "functions/one.py", "tests/test_one.py", "deploy.py", *page}
