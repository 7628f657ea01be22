"""F5 in VS Code, without VS Code: the commands of launch.json and tasks.json, and its protocol."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from local_azure.stack import Stack
from tests.editor import ROOT, read_jsonc, resolved
from tests.end_to_end.debug_adapter import HOST, DebugAdapter

PRODUCT = ("function_app.py", "host.json", "functions", "shared")
# The breakpoint is reached before anything else is: no emulator runs.
STACK = """
[settings]
SSAK8_SERVICES = "kakao"
COSMOS_CONNECTION = "AccountEndpoint=http://127.0.0.1:1/;AccountKey=bG9jYWw=;"
SERVICE_BUS_CONNECTION = "Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=a;SharedAccessKey=b;UseDevelopmentEmulator=true;"
KAKAO_API_URL = "http://127.0.0.1:1"

[apps.kakao]
port = 0
"""
BREAKPOINT = "draft = read_details("
START_SECONDS = 60
END_SECONDS = 10
# How long a request is watched that must not be answered while the breakpoint holds it.
HELD_SECONDS = 1.0


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """The product in a folder of its own, with a stack of one app."""
    for name in PRODUCT:
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, tmp_path / name)
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    (tmp_path / "local-azure.toml").write_text(STACK, encoding="utf-8")
    return tmp_path


@pytest.fixture
def stack(workspace: Path) -> Iterator[Stack]:
    with Stack.start(workspace / "local-azure.toml") as stack:
        yield stack


def free_port() -> int:
    with socket.create_server((HOST, 0)) as server:
        return int(server.getsockname()[1])


def run_task(label: str, workspace: Path) -> None:
    [task] = [task for task in read_jsonc(".vscode/tasks.json")["tasks"] if task["label"] == label]
    task = resolved(task, workspace)
    subprocess.run([task["command"], *task["args"]], cwd=task["options"]["cwd"], check=True, timeout=START_SECONDS)  # noqa: S603 a file of this repository


@contextmanager
def debugged(configuration: dict[str, Any], port: int) -> Iterator[subprocess.Popen[bytes]]:
    """The program of a launch configuration, waiting for a debugger on `port`."""
    command = [
        *(configuration["python"], *configuration["pythonArgs"], "-m", "debugpy"),
        *("--listen", f"{HOST}:{port}", "--wait-for-client"),
        *("-m", configuration["module"], *configuration["args"]),
    ]
    environment = {**os.environ, **configuration.get("env", {})}
    process = subprocess.Popen(command, cwd=configuration["cwd"], env=environment, start_new_session=True)  # noqa: S603 a file of this repository
    try:
        yield process
    finally:
        # With the processes that it has started, if any is left.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(END_SECONDS)


def post_message(port: int) -> tuple[int, Any]:
    """Posts a message that is refused; returns status and body."""
    request = urllib.request.Request(
        f"http://{HOST}:{port}/kakaos", data=b"{}", headers={"Content-Type": "application/json"}, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=START_SECONDS) as response:  # noqa: S310
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def wait_until_up(port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"http://{HOST}:{port}/health", timeout=START_SECONDS):
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def test_a_breakpoint_holds_a_request_of_the_running_system_until_the_developer_continues(
    workspace: Path, stack: Stack
) -> None:
    [configuration] = [one for one in read_jsonc(".vscode/launch.json")["configurations"] if one["name"] == "kakao"]
    configuration = resolved(configuration, workspace)
    source = workspace / "functions/kakao.py"
    line = next(
        number for number, text in enumerate(source.read_text(encoding="utf-8").splitlines(), 1) if BREAKPOINT in text
    )
    debug_port, app_port = free_port(), stack.port("kakao")

    run_task(configuration["preLaunchTask"], workspace)
    with (
        ThreadPoolExecutor() as threads,
        debugged(configuration, debug_port) as process,
        DebugAdapter.at(debug_port) as debugger,
    ):
        debugger.request("initialize", adapterID="debugpy", pathFormat="path", linesStartAt1=True, columnsStartAt1=True)
        attaching = debugger.send("attach", justMyCode=configuration.get("justMyCode", True))
        debugger.event("initialized")
        debugger.request("setBreakpoints", source={"path": str(source)}, breakpoints=[{"line": line}])
        debugger.request("configurationDone")
        debugger.answer(attaching)
        wait_until_up(app_port)

        answer = threads.submit(post_message, app_port)
        stopped = debugger.event("stopped")
        frame = debugger.request("stackTrace", threadId=stopped["threadId"])["stackFrames"][0]

        assert stopped["reason"] == "breakpoint"
        assert (Path(frame["source"]["path"]), frame["line"], frame["name"]) == (source, line, "send_kakao")
        with pytest.raises(TimeoutError):
            answer.result(HELD_SECONDS)

        debugger.request("continue", threadId=stopped["threadId"])

        status, problem = answer.result(START_SECONDS)
        assert (status, problem["type"]) == (422, "urn:ssak8:problem:invalid-values")

        debugger.request("disconnect", terminateDebuggee=True)
        process.wait(END_SECONDS)

    run_task(configuration["postDebugTask"], workspace)
    assert stack.pid("kakao") != process.pid
    assert post_message(app_port)[0] == 422
