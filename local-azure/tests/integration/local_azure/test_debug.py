"""An app outside the supervisor, for a debugger."""

import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local_azure.debug import app_of_stack, main
from local_azure.stack import Stack
from tests.integration.local_azure.tiny_app import write_tiny_app

END_SECONDS = 10


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    with Stack.start(write_tiny_app(tmp_path)) as stack:
        yield stack


@contextmanager
def debugged(app: str, state: Path) -> Iterator[str]:
    """Runs the app until the block ends; yields the address that it prints."""
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


def test_it_replaces_a_stopped_app_and_gives_its_port_back(stack: Stack) -> None:
    stack.stop_service("tiny")

    with debugged("tiny", stack.state.folder) as address:
        assert address == stack.url("tiny")
        assert hello(stack) == f"hello from {stack.port('tiny')}"

    stack.start_service("tiny")
    assert hello(stack) == f"hello from {stack.port('tiny')}"


def test_the_services_that_do_not_run_keep_their_ports_in_the_settings(tmp_path: Path) -> None:
    config = write_tiny_app(tmp_path)
    config.write_text(config.read_text().replace("{tiny_port}", "{gateway_port}"))

    with Stack.start(config, only=("tiny",)) as stack:
        assert "gateway" not in stack.running.ports
        greeting = f"hello from {stack.running.assigned_ports['gateway']}"
        assert app_of_stack("tiny", stack).environment["GREETING"] == greeting


def test_an_unknown_app_is_refused(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["huge", "--state", str(stack.state.folder)]) == 1

    assert capsys.readouterr().err == "there is no function app 'huge'; there are tiny\n"


def test_without_a_running_stack_it_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tiny", "--state", str(tmp_path)]) == 1

    assert capsys.readouterr().err == f"nothing is running with the state folder {tmp_path}\n"
