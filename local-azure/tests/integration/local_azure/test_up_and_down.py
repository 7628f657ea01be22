"""Start and end of a stack, from the command line."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from local_azure.azurite import installation
from local_azure.stack import NotRunningError, Stack
from local_azure.supervisor.state_folder import StateFolder
from tests.integration.local_azure.tiny_app import write_tiny_app

GATEWAY_ONLY = "[gateway]\nport = 0\n"
DEADLINE_SECONDS = 60.0


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Path]:
    """A settings file with nothing but a gateway. Ends a stack that the test leaves running."""
    file = tmp_path / "local-azure.toml"
    file.write_text(GATEWAY_ONLY)
    yield file
    if StateFolder(tmp_path / ".local-azure").is_locked:
        Stack(tmp_path / ".local-azure").down()


@pytest.fixture
def tiny(config: Path) -> Path:
    """A settings file with a gateway and a tiny function app."""
    return write_tiny_app(config.parent)


def started(config: Path, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(  # noqa: S603 the program under test
        [sys.executable, "-m", "local_azure", *arguments, "--config", str(config)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(config: Path, *arguments: str) -> tuple[int, str, str]:
    with started(config, *arguments) as process:
        out, err = process.communicate(timeout=30)
        return process.returncode, out, err


def wait_until_gone(pids: list[int]) -> None:
    _, alive = psutil.wait_procs([psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)], DEADLINE_SECONDS)
    assert alive == []


def wait_for(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def read_until(process: "subprocess.Popen[str]", wanted: str) -> list[str]:
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line.rstrip())
        if wanted in line:
            return lines
    raise AssertionError(f"{wanted!r} did not come: {lines}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_in_the_foreground_a_signal_ends_it_cleanly(config: Path, number: signal.Signals) -> None:
    with started(config, "up") as process:
        began = read_until(process, "Ctrl-C")
        process.send_signal(number)
        out, err = process.communicate(timeout=DEADLINE_SECONDS)

    assert began[0] == "gateway       starting"
    assert began[1].startswith("gateway       ready     http://127.0.0.1:")
    assert out.splitlines() == ["gateway       stopping", "gateway       stopped"]
    assert (process.returncode, err) == (0, "")
    assert not (config.parent / ".local-azure" / "running.json").exists()


def test_a_second_signal_ends_it_by_force_and_nothing_is_started_again(tiny: Path) -> None:
    with tiny.open("a") as file:
        file.write("[cosmos]\n")  # which runs until the app has ended
    with started(tiny, "up", "--free-ports") as process:
        read_until(process, "Ctrl-C")
        stack = Stack(tiny.parent / ".local-azure")
        with socket.create_connection(("127.0.0.1", stack.port("tiny"))) as busy:
            busy.sendall(b"GET /hello/slow HTTP/1.1\r\nHost: x\r\n\r\n")
            wait_for(lambda: "slow was called" in stack.log("tiny"))
            process.send_signal(signal.SIGINT)
            read_until(process, "tiny          stopping")

            began = time.monotonic()
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=DEADLINE_SECONDS)

    assert time.monotonic() - began < 20  # the call takes a minute
    assert [line.split()[1] for line in out.splitlines()[:-1] if line.split()[1] not in ("stopping", "stopped")] == []
    assert process.returncode == 0


def test_a_stack_ends_with_the_program_that_started_it(config: Path) -> None:
    program = "import os, pathlib, sys; from local_azure.stack import Stack; "
    program += "stack = Stack.start(pathlib.Path(sys.argv[1])); print(stack.running.supervisor.pid, flush=True); "
    program += "os._exit(9)"

    command = [sys.executable, "-c", program, str(config)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)  # noqa: S603 as above

    assert ended.returncode == 9
    wait_until_gone([int(ended.stdout)])
    assert not (config.parent / ".local-azure" / "running.json").exists()


def test_in_the_background_it_runs_until_down(tiny: Path) -> None:
    code, out, err = finished(tiny, "up", "--detach", "--free-ports")
    stack = Stack(tiny.parent / ".local-azure")
    pids = [stack.running.supervisor.pid, stack.pid("tiny"), stack.pid("gateway")]
    down = finished(tiny, "down")
    again = finished(tiny, "down")

    assert (code, err) == (0, "")
    assert out.splitlines()[-2:] == ["Try:", f"  curl {stack.url('gateway')}/hello"]
    assert down[0] == 0
    assert again[0] == 3
    wait_until_gone(pids)


def test_a_taken_port_is_named_before_anything_starts(config: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        config.write_text(f"[gateway]\nport = {port}\n")

        results = [finished(config, "up"), finished(config, "up", "--detach")]

    for code, out, err in results:
        assert (code, out) == (2, "")
        assert f"port {port} (gateway.port) is taken by" in err
        assert f"(process {os.getpid()})" in err
        assert "--free-ports" in err
        assert len(err.splitlines()) == 1


@pytest.mark.parametrize("arguments", [("up",), ("up", "--detach")])
def test_an_app_that_cannot_start_is_shown_with_its_reason_and_the_rest_ends(
    tiny: Path, arguments: tuple[str, ...]
) -> None:
    (tiny.parent / "app" / "function_app.py").write_text("import does_not_exist\n")

    code, out, err = finished(tiny, *arguments, "--free-ports")

    assert code == 1
    assert "tiny ended with exit code" in err
    assert "does_not_exist" in err
    assert "Traceback (most recent call last)" not in err.splitlines()[0]
    assert finished(tiny, "status")[0] == 3
    assert "gateway       ready" not in out or "gateway       stopped" in out


@pytest.mark.parametrize("after", ["up", "down"])
def test_the_services_of_a_killed_supervisor_are_ended(config: Path, after: str) -> None:
    stack = Stack.start(config)
    gateway = stack.pid("gateway")
    # So that it is still there, whether or not the system ends children with their parent.
    os.kill(gateway, signal.SIGSTOP)
    os.kill(stack.running.supervisor.pid, signal.SIGKILL)
    stack.wait_for_end()

    status = finished(config, "status")
    os.kill(gateway, signal.SIGCONT)
    code, _, _ = finished(config, after, *(["--detach"] if after == "up" else []))

    assert status[0] == 3
    assert code == 0
    wait_until_gone([gateway])


def test_reset_deletes_the_data_of_a_running_stack_only_with_force(config: Path) -> None:
    with Stack.start(config) as stack:
        code, out, _ = finished(config, "reset", "--force")
        wait_until_gone([stack.running.supervisor.pid])

    assert code == 0
    assert "deleted" in out
    assert not (config.parent / ".local-azure").exists()


def test_two_stacks_run_side_by_side(config: Path, tmp_path: Path) -> None:
    with Stack.start(config) as one, Stack.start(config, tmp_path / "other") as two:
        assert one.port("gateway") != two.port("gateway")


def test_a_stack_that_was_not_started_is_not_running(config: Path) -> None:
    with pytest.raises(NotRunningError, match="nothing is running"):
        Stack(config.parent / ".local-azure")


def test_a_mistake_in_the_settings_file_is_one_line(config: Path) -> None:
    config.write_text("[gateway]\nprot = 1\n")

    code, out, err = finished(config, "up")

    assert (code, out) == (2, "")
    assert "gateway.prot" in err
    assert len(err.splitlines()) == 1


def test_azurite_keeps_the_storage(config: Path) -> None:
    try:
        asyncio.run(installation.install(lambda _: None))
    except installation.AzuriteUnavailableError as error:
        pytest.skip(str(error))
    config.write_text("[azurite]\n")

    with Stack.start(config) as stack, socket.create_connection(("127.0.0.1", stack.port("azurite_queue")), 5) as wire:
        wire.settimeout(5)
        wire.sendall(b"GET /devstoreaccount1?comp=list HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        answer = wire.makefile("rb").read().decode()

    assert "Azurite-Queue/" in answer
    assert (config.parent / ".local-azure" / "azurite").is_dir()
