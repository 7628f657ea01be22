"""A supervisor that is stopped, as by Ctrl-Z or a debugger."""

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from local_azure.stack import Stack
from local_azure.supervisor.services import StackError, State
from tests.integration.local_azure.tiny_app import write_tiny_app

# Much less than the 60 seconds that a service may need to start.
LONGEST_SECONDS = 8.0
DEADLINE_SECONDS = 60.0


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    with Stack.start(write_tiny_app(tmp_path)) as stack:
        yield stack
        os.kill(stack.running.supervisor.pid, signal.SIGCONT)


def stop(stack: Stack) -> None:
    pid = stack.running.supervisor.pid
    os.kill(pid, signal.SIGSTOP)
    deadline = time.monotonic() + DEADLINE_SECONDS
    while psutil.Process(pid).status() != psutil.STATUS_STOPPED:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_no_command_waits_for_a_stopped_supervisor_or_is_carried_out_later(stack: Stack, tmp_path: Path) -> None:
    stop(stack)
    for arguments in (["status"], ["down"], ["stop", "tiny"], ["reset", "--force"]):
        began = time.monotonic()
        command = [sys.executable, "-m", "local_azure", *arguments, "--config", str(tmp_path / "local-azure.toml")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)  # noqa: S603 as above

        assert time.monotonic() - began < LONGEST_SECONDS
        assert done.returncode == 1
        [line] = done.stderr.splitlines()
        assert f"(process {stack.running.supervisor.pid}) is stopped: nothing was done" in line
        assert f"kill -CONT {stack.running.supervisor.pid}" in line

    os.kill(stack.running.supervisor.pid, signal.SIGCONT)
    # If it carried out one of them, it would have begun by now.
    time.sleep(1)
    assert [status.state for status in stack.status()] == [State.RUNNING, State.RUNNING]


def test_a_supervisor_that_is_stopped_while_it_carries_out_a_command_is_noticed(stack: Stack) -> None:
    app = psutil.Process(stack.pid("tiny"))
    # It does not end, so the command takes 5 seconds.
    app.suspend()

    began = time.monotonic()
    with pytest.raises(StackError, match="is stopped: it goes on with this"):
        stack.stop_service("tiny", report=lambda _: stop(stack))

    assert time.monotonic() - began < LONGEST_SECONDS
    app.resume()


def test_ctrl_z_does_not_stop_it_but_says_how_to_end_it(tmp_path: Path) -> None:
    config = write_tiny_app(tmp_path)
    terminal, its_side = pty.openpty()
    command = [sys.executable, "-m", "local_azure", "up", "--free-ports", "--config", str(config)]
    with subprocess.Popen(  # noqa: S603 the program under test
        command,
        stdin=its_side,
        stdout=its_side,
        stderr=its_side,
        preexec_fn=own_terminal,  # noqa: PLW1509 it only sets the terminal
    ) as process:
        os.close(its_side)
        shown = read_until(terminal, "Press Ctrl-C to end.")
        os.write(terminal, b"\x1a")
        shown += read_until(terminal, "Ctrl-C ends them")
        states = [status.state for status in Stack(tmp_path / ".local-azure").status()]
        os.write(terminal, b"\x03")
        shown += read_until(terminal, "gateway", "stopped", "tiny", "stopped")
        code = process.wait(DEADLINE_SECONDS)
    os.close(terminal)

    assert states == [State.RUNNING, State.RUNNING]
    assert (code, "Traceback" in shown) == (0, False)


def own_terminal() -> None:
    """Makes stdin the controlling terminal, whose Ctrl-Z and Ctrl-C go to this process."""
    os.setsid()
    os.close(os.open(os.ttyname(0), os.O_RDWR))


def read_until(terminal: int, *wanted: str) -> str:
    shown = ""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not all(text in shown for text in wanted):
        assert time.monotonic() < deadline, shown
        try:
            shown += os.read(terminal, 4096).decode(errors="replace")
        except OSError:
            # Its program has ended.
            assert all(text in shown for text in wanted), shown
    return shown
