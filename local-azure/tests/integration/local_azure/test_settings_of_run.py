"""`up --settings FILE`: settings of a run, which an app reads again whenever it starts."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from local_azure.configuration import ConfigurationError
from local_azure.debug import app_of_stack
from local_azure.stack import Stack
from local_azure.supervisor.services import StackError
from tests.integration.local_azure.tiny_app import write_tiny_app

CALL_SECONDS = 30  # an app may have to start first
START_SECONDS = 60


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=CALL_SECONDS) as response:  # noqa: S310 a loopback address
        return str(response.read().decode())


@dataclass
class Run:
    """A stack that was started with settings, and the file that has them."""

    stack: Stack
    settings: Path

    def write(self, greeting: str) -> None:
        self.settings.write_text(json.dumps({"Values": {"GREETING": greeting}}))

    def greeting(self) -> str:
        return get(f"{self.stack.url('gateway')}/hello")


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    config = write_tiny_app(tmp_path)
    # Neither the common nor the app's own settings win.
    config.write_text(config.read_text().replace('folder = "app"', 'folder = "app"\nsettings = { GREETING = "own" }'))
    settings = tmp_path / "settings.json"
    settings.write_text(json.dumps({"IsEncrypted": False, "Values": {"GREETING": "first of {tiny_port}"}}))
    with Stack.start(config, tmp_path / "state", settings=settings) as stack:
        yield Run(stack, settings)


def test_they_override_all_others_and_are_read_again_by_an_app_that_restarts(run: Run) -> None:
    assert run.greeting() == f"first of {run.stack.port('tiny')}"

    run.write("second")
    assert run.greeting() == f"first of {run.stack.port('tiny')}"
    run.stack.restart_service("tiny")
    assert run.greeting() == "second"

    run.write("third")
    run.stack.stop_service("tiny")
    run.stack.start_service("tiny")
    assert run.greeting() == "third"


def test_those_of_one_app_are_for_it_alone_and_override_the_others(run: Run) -> None:
    run.settings.write_text('{"Values": {"GREETING": "of all"}, "Apps": {"tiny": {"GREETING": "at {tiny_port}"}}}')
    run.stack.restart_service("tiny")

    assert run.greeting() == f"at {run.stack.port('tiny')}"


def test_a_killed_app_comes_back_with_the_settings_as_they_are_then(run: Run) -> None:
    run.write("second")
    run.stack.kill("tiny")

    # The gateway waits for the next process.
    assert run.greeting() == "second"


def test_an_app_under_the_debugger_has_them_too(run: Run) -> None:
    run.write("second")

    service = app_of_stack("tiny", Stack(run.stack.state.folder))

    assert service.settings() == {"GREETING": "second"}


@pytest.mark.parametrize("content", ["", '{"Values": {"GREETING": 1}}', '{"GREETING": "secret"}'])
def test_an_app_runs_on_if_they_cannot_be_read(run: Run, content: str) -> None:
    run.settings.write_text(content)

    with pytest.raises(
        StackError, match=r"not restarted, and the process that runs goes on: .*settings\.json"
    ) as caught:
        run.stack.restart_service("tiny")

    assert "secret" not in str(caught.value)
    assert run.greeting() == f"first of {run.stack.port('tiny')}"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot be read"),
        ("[", "settings.json: not as expected"),
        ('{"Values": {"GREETING": 1}}', "settings.json: Values.GREETING"),
        ('{"Values": {}, "Host": {}}', "settings.json: Host"),
        ('{"IsEncrypted": true, "Values": {}}', "settings.json: IsEncrypted"),
        ('{"Values": {"GREETING": "{huge_port}"}}', "settings.json: GREETING: {huge_port} is unknown"),
        ('{"Apps": {"tiny": {"GREETING": "{huge_port}"}}}', "settings.json: GREETING: {huge_port} is unknown"),
        ('{"Apps": {"huge": {"GREETING": "hello"}}}', "settings.json: Apps.huge: there is no such app"),
    ],
)
def test_a_mistake_in_them_is_told_before_anything_starts(tmp_path: Path, content: str | None, reason: str) -> None:
    config, settings = write_tiny_app(tmp_path), tmp_path / "settings.json"
    if content is not None:
        settings.write_text(content)

    with pytest.raises(ConfigurationError) as caught:
        Stack.start(config, tmp_path / "state", settings=settings)

    assert reason in str(caught.value)


WITH_SIGN_IN = """
[gateway.rewrites]
"/" = "/hello"

[apps.page]
when = { SIGN_IN = "on" }
port = 0
folder = "app"
settings = { GREETING = "a page" }

[processes.idp]
when = { SIGN_IN = "on" }
command = ["{python}", "-m", "http.server", "{idp_port}"]
port = 0

[[welcome.instead]]
when = { SIGN_IN = "on" }
text = "Sign in:"
calls = ["curl http://127.0.0.1:{idp_port}/"]
"""


@contextmanager
def up(config: Path, *arguments: str) -> Iterator[tuple[Stack, str]]:
    """Starts a stack by the command; yields it, and what was printed."""
    command = [sys.executable, "-m", "local_azure", "up", "--detach", "--free-ports", "--config", str(config)]
    finished = subprocess.run(  # noqa: S603 this Python, this package
        [*command, *arguments], check=True, timeout=START_SECONDS, stdout=subprocess.PIPE, text=True
    )
    stack = Stack(config.parent / ".local-azure")
    try:
        yield stack, finished.stdout
    finally:
        stack.down()


def test_the_command_takes_them_and_starts_and_prints_what_is_for_such_a_run(tmp_path: Path) -> None:
    config, settings = write_tiny_app(tmp_path), tmp_path / "settings.json"
    routes = '"/hello" = "page"\n"/small" = "tiny"'
    config.write_text(config.read_text().replace('"/hello" = "tiny"', routes) + WITH_SIGN_IN)
    settings.write_text('{"Values": {"SIGN_IN": "on"}, "Apps": {"page": {"GREETING": "of the command"}}}')

    with up(config, "--settings", str(settings)) as (stack, printed):
        assert Run(stack, settings).greeting() == get(f"{stack.url('gateway')}/") == "of the command"
        assert stack.services == ["idp", "tiny", "page", "gateway"]
        assert f"Sign in:\n  curl http://127.0.0.1:{stack.port('idp')}/\n" in printed
        assert "Try:" not in printed

    with up(config) as (stack, printed):
        assert stack.services == ["tiny", "gateway"]
        assert "Try:" in printed
        assert "Sign in:" not in printed
        assert json.loads(get(f"{stack.url('gateway')}/"))["routes"] == ["/small"]


def test_what_is_in_the_state_folder_does_not_hinder_a_start_and_is_reset(tmp_path: Path) -> None:
    config = write_tiny_app(tmp_path)
    key = Stack.state_folder(config) / "keys" / "key.json"
    key.parent.mkdir()
    key.touch()

    with Stack.start(config):
        assert key.exists()
    subprocess.run(  # noqa: S603 this Python, this package
        [sys.executable, "-m", "local_azure", "reset", "--config", str(config)], check=True, timeout=START_SECONDS
    )
    assert not key.exists()
