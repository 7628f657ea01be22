"""An app outside its supervisor, for a debugger."""

import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local_azure.debug import main
from local_azure.stack import Stack
from tests.integration.local_azure.tiny_app import write_tiny_app

END_SECONDS = 10


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    with Stack.start(write_tiny_app(tmp_path)) as stack:
        yield stack


@contextmanager
def debugged(app: str, state: Path) -> Iterator[str]:
    """Runs the app until the block ends; yields the address that it announces."""
    command = [sys.executable, "-m", "local_azure.debug", app, "--state", str(state)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 this Python, this package
    try:
        assert process.stdout is not None
        yield process.stdout.readline().removeprefix("ready ").strip()
        process.terminate()
        assert process.wait(END_SECONDS) == 0
    finally:
        process.kill()
        process.communicate()


def hello(stack: Stack) -> str:
    with urllib.request.urlopen(f"{stack.url('gateway')}/hello", timeout=END_SECONDS) as response:  # noqa: S310 a loopback address
        return str(response.read().decode())


def test_it_takes_the_place_of_a_stopped_app_and_gives_it_back(stack: Stack) -> None:
    stack.stop_service("tiny")

    with debugged("tiny", stack.state.folder) as address:
        assert address == stack.url("tiny")
        assert hello(stack) == f"hello from {stack.port('tiny')}"

    stack.start_service("tiny")
    assert hello(stack) == f"hello from {stack.port('tiny')}"


def test_an_unknown_app_is_refused(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["huge", "--state", str(stack.state.folder)]) == 1

    assert capsys.readouterr().err == "there is no function app 'huge'; there are tiny\n"


def test_without_a_running_stack_there_is_nothing_to_take_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["tiny", "--state", str(tmp_path)]) == 1

    assert capsys.readouterr().err == f"nothing runs with its state in {tmp_path}\n"
