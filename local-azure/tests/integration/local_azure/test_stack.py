"""A running stack, used by programs and by the command line."""

import json
import signal
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_azure.stack import Stack
from local_azure.supervisor.services import StackError, State
from tests.integration.local_azure.tiny_app import write_tiny_app

DEADLINE_SECONDS = 60.0

# All of them use one stack: in parallel runs one worker has them all.
pytestmark = pytest.mark.xdist_group("tiny stack")


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_app(tmp_path_factory.mktemp("stack"))


@pytest.fixture(scope="module")
def stack(config: Path) -> Iterator[Stack]:
    with Stack.start(config) as stack:
        yield stack


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=DEADLINE_SECONDS) as response:  # noqa: S310 an address of the stack
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def command(config: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 the program under test
        [sys.executable, "-m", "local_azure", *arguments, "--config", str(config)],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=30,
        check=False,
    )


def test_the_gateway_reaches_the_app_with_its_settings(stack: Stack) -> None:
    assert get(f"{stack.url('gateway')}/hello") == (200, f"hello from {stack.port('tiny')}")


def test_the_missing_settings_file_of_an_app_is_copied_from_its_sample(stack: Stack, config: Path) -> None:
    assert json.loads((config.parent / "app" / "local.settings.json").read_text())["Values"] == {"FROM": "sample"}


def test_only_the_owner_can_read_what_is_running(stack: Stack, config: Path) -> None:
    record = config.parent / ".local-azure" / "running.json"

    assert stat.S_IMODE(record.stat().st_mode) == 0o600
    assert set(json.loads(record.read_text())["processes"]) == {"tiny", "gateway"}


def test_a_stopped_app_is_unavailable_until_it_is_started_on_the_same_port(stack: Stack) -> None:
    hello = f"{stack.url('gateway')}/hello"

    stack.stop_service("tiny")
    stopped = get(hello)
    stack.start_service("tiny")

    assert stopped[0] == 503
    assert get(hello) == (200, f"hello from {stack.port('tiny')}")


def test_a_killed_app_comes_back(stack: Stack) -> None:
    killed = stack.kill("tiny", signal.SIGKILL)

    deadline = time.monotonic() + DEADLINE_SECONDS
    while get(f"{stack.url('gateway')}/hello")[0] != 200:
        assert time.monotonic() < deadline
    assert stack.pid("tiny") != killed
    assert "tiny died signal SIGKILL" in stack.log("supervisor")


def test_an_unknown_service_is_refused_with_the_known_ones(stack: Stack) -> None:
    with pytest.raises(StackError, match="there are tiny, gateway"):
        stack.stop_service("huge")


def test_status_shows_every_service(stack: Stack, config: Path) -> None:
    plain = command(config, "status")
    document = json.loads(command(config, "status", "--json").stdout)

    assert plain.returncode == 0
    assert [line.split()[:2] for line in plain.stdout.splitlines()[1:]] == [["tiny", "running"], ["gateway", "running"]]
    assert "\x1b" not in plain.stdout
    assert document["ports"] == stack.running.ports
    assert [service["state"] for service in document["services"]] == ["running", "running"]


def test_status_fails_while_a_service_is_stopped(stack: Stack, config: Path) -> None:
    stopped = command(config, "stop", "tiny")
    again = command(config, "stop", "tiny")
    status = command(config, "status")
    restarted = command(config, "restart", "tiny")

    assert (stopped.returncode, status.returncode, restarted.returncode) == (0, 1, 0)
    assert "tiny          stopped" in stopped.stdout
    assert (again.returncode, again.stdout) == (0, "tiny is already stopped\n")
    assert command(config, "start", "tiny").stdout == "tiny is already running\n"
    assert {service.state for service in stack.status()} == {State.RUNNING}


def test_logs_show_what_an_app_printed(stack: Stack, config: Path) -> None:
    get(f"{stack.url('gateway')}/hello")

    shown = command(config, "logs", "tiny", "-n", "100")
    unknown = command(config, "logs", "huge")

    assert "hello was called" in shown.stdout
    assert unknown.returncode == 1
    assert "there are: gateway, supervisor, tiny" in unknown.stderr


def test_a_second_one_with_the_same_state_is_refused(stack: Stack, config: Path) -> None:
    second = command(config, "up", "--detach", "--free-ports")

    assert second.returncode == 1
    assert "already running" in second.stderr
    assert get(f"{stack.url('gateway')}/hello")[0] == 200


def test_data_is_not_deleted_under_a_running_stack(stack: Stack, config: Path) -> None:
    refused = command(config, "reset")

    assert refused.returncode == 1
    assert "--force" in refused.stderr
    assert stack.log("supervisor")


def test_a_wrong_token_is_refused(stack: Stack) -> None:
    stranger = Stack(stack.state.folder)
    stranger.running.token = "wrong"

    with pytest.raises(StackError, match="token"):
        stranger.status()
