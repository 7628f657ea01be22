"""Processes of the settings file that are neither function apps nor emulators: `[processes.NAME]`."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from local_azure.configuration import Configuration
from local_azure.stack import Stack
from local_azure.supervisor.plan import StackLayout, plan
from local_azure.supervisor.ports import free_ports
from local_azure.supervisor.services import StackError, StartError, State
from tests.integration.local_azure.test_supervisor import Stage, stage
from tests.integration.local_azure.tiny_app import write_tiny_app

__all__ = ["stage"]

DEADLINE_SECONDS = 60.0

# Describes itself; is healthy from the third question on.
IDP = """
import http.server, json, os, sys

class Handler(http.server.BaseHTTPRequestHandler):
    asked = 0

    def do_GET(self):
        Handler.asked += self.path == "/up"
        about = {"folder": os.getcwd(), "app": os.environ.get("APP"), "greeting": os.environ.get("GREETING")}
        self.send_response(200 if self.path == "/" or self.path == "/up" and Handler.asked > 2 else 503)
        self.end_headers()
        self.wfile.write(json.dumps(about).encode())

print("ready to listen")
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
# Starts the above and waits for it, like `npm run`.
WRAPPER = """
import subprocess, sys
subprocess.run([sys.executable, "idp.py", *sys.argv[1:]])
"""
SECTION = """
[processes.idp]
command = ["{python}", "SCRIPT", "{idp_port}"]
port = 0
health = "/up"
settings = { APP = "http://127.0.0.1:{tiny_port}" }
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A settings file with a gateway, a tiny function app, and a process whose port the app knows."""
    file = write_tiny_app(tmp_path)
    (tmp_path / "idp.py").write_text(IDP)
    (tmp_path / "wrapper.py").write_text(WRAPPER)
    file.write_text(file.read_text().replace("{tiny_port}", "{idp_port}") + SECTION.replace("SCRIPT", "idp.py"))
    return file


@pytest.fixture
def stack(config: Path) -> Iterator[Stack]:
    with Stack.start(config, only=("idp", "tiny")) as stack:
        yield stack


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310 an address of the stack
        return str(response.read().decode())


def answers(url: str) -> bool:
    try:
        get(url)
    except OSError:
        return False
    return True


def has_ended(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_for(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_process_runs_with_its_port_its_settings_and_its_log(stack: Stack, config: Path) -> None:
    about = json.loads(get(stack.url("idp")))

    assert about == {
        "folder": str(config.parent),
        "app": f"http://127.0.0.1:{stack.port('tiny')}",
        "greeting": None,
    }
    assert get(f"{stack.url('tiny')}/hello") == f"hello from {stack.port('idp')}"
    assert stack.services == ["idp", "tiny"]
    assert "ready to listen\n" in stack.log("idp"), "only emulators and apps announce themselves like that"


def test_an_app_starts_once_the_process_is_healthy(stack: Stack) -> None:
    happened = [line.split(maxsplit=1)[1].partition(" (")[0] for line in stack.log("supervisor").splitlines()]

    assert happened[:3] == ["idp starting", f"idp ready {stack.url('idp')}", "tiny starting"]
    assert stack.log("idp").count('"GET /up HTTP/1.1" 503') == 2
    assert stack.log("idp").count('"GET /up HTTP/1.1" 200') == 1


def test_a_killed_process_comes_back_on_its_port(stack: Stack) -> None:
    killed = stack.kill("idp")

    wait_for(lambda: any(each.name == "idp" and each.pid not in {killed, None} for each in stack.status()))
    stack.wait_for("idp", DEADLINE_SECONDS)

    assert answers(stack.url("idp"))
    assert "idp died signal SIGKILL" in stack.log("supervisor")


def test_a_process_is_stopped_started_and_restarted(stack: Stack) -> None:
    first = stack.pid("idp")

    stack.stop_service("idp")
    stopped = answers(stack.url("idp"))
    stack.start_service("idp")
    second = stack.pid("idp")
    stack.restart_service("idp")

    assert not stopped
    assert answers(stack.url("idp"))
    assert len({first, second, stack.pid("idp")}) == 3
    assert not psutil.pid_exists(second)


def test_an_app_runs_without_the_process_if_only_it_is_named(config: Path) -> None:
    with Stack.start(config, only=("tiny",)) as stack:
        assert [status.name for status in stack.status()] == ["tiny"]
        assert answers(f"{stack.url('tiny')}/hello")


@pytest.mark.parametrize("ending", ["down", "kill"])
def test_what_a_process_has_started_does_not_outlive_it(config: Path, ending: str) -> None:
    config.write_text(config.read_text().replace('"idp.py"', '"wrapper.py"'))
    with Stack.start(config, only=("idp",)) as stack:
        [started] = psutil.Process(stack.pid("idp")).children()

        if ending == "kill":
            stack.kill("idp")
            wait_for(lambda: has_ended(started) and answers(stack.url("idp")))

    wait_for(lambda: has_ended(started))


def test_a_process_that_cannot_start_is_named_with_its_log(config: Path) -> None:
    (config.parent / "idp.py").write_text("raise SystemExit('there is no signing key')")

    with pytest.raises(StackError, match=r"(?s)idp ended with exit code 1\..*there is no signing key"):
        Stack.start(config, only=("idp",))


def test_a_command_without_a_program_is_refused_at_the_start(config: Path) -> None:
    config.write_text(config.read_text().replace('"{python}"', '"surely-no-such-program"'))
    command = [sys.executable, "-m", "local_azure", "up", "--only", "idp", "--config", str(config)]

    refused = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)  # noqa: S603 the program under test

    assert (refused.returncode, refused.stdout) == (2, "")
    assert "processes.idp.command: there is no program 'surely-no-such-program'" in refused.stderr


@pytest.mark.parametrize(
    ("script", "health", "reason"),
    [
        ("import time\ntime.sleep(60)", None, "nothing accepted connections on port {port}"),
        (IDP, "/never", "GET http://127.0.0.1:{port}/never was not answered 200"),
    ],
)
async def test_a_process_that_does_not_become_ready_is_named_with_what_was_awaited(
    stage: Stage, config: Path, script: str, health: str | None, reason: str
) -> None:
    (config.parent / "idp.py").write_text(script)
    layout = StackLayout(config, config.parent, {"idp": free_ports()(), "tiny": 1, "gateway": 2})
    [idp] = [service for service in plan(Configuration.load(config), layout) if service.name == "idp"]
    supervisor = stage.supervisor(replace(idp, health=health, ready_timeout=1.0, environment=dict(os.environ)))

    with pytest.raises(StartError) as caught:
        await supervisor.start_all()

    assert f"idp was not ready after 1 s: {reason.format(port=layout.ports['idp'])}." in str(caught.value)
    assert [status.state for status in supervisor.status()] == [State.STOPPED]
