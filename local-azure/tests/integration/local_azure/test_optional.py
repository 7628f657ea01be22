"""Azurite is optional: neither its installation nor its failure holds up the start."""

import asyncio
import resource
import socket
import subprocess
import sysconfig
import threading
import time
import venv
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from local_azure.azurite import installation
from local_azure.azurite.installation import AzuriteUnavailableError
from local_azure.console import Console
from local_azure.stack import Stack
from local_azure.supervisor.services import Notify, Service, StackError, State
from tests.integration.local_azure.test_supervisor import Stage, stage, until
from tests.integration.local_azure.tiny_app import write_tiny_app

__all__ = ["stage"]

DEADLINE_SECONDS = 60.0
# The tiny app is ready in 3 seconds on a machine that does nothing else.
START_SECONDS = 15.0
STOP_SECONDS = 8.0


def installed_by(stage: Stage, install: asyncio.Event, failing: list[str]) -> Service:
    """An optional stand-in whose installation takes until `install`, and fails once for each reason in `failing`."""
    good = stage.service("storage")

    async def command(notify: Notify) -> tuple[str, ...]:
        notify("installing it")
        await install.wait()
        if failing:
            raise StackError(failing.pop())
        return good.command

    return Service("storage", (), good.folder, good.environment, (), install=command, optional=True)


def states(stage: Stage) -> list[State]:
    return [status.state for status in stage.supervisors[0].status()]


async def test_what_is_optional_joins_when_it_is_installed(stage: Stage) -> None:
    installed = asyncio.Event()
    app = stage.service("app", after=frozenset({"storage"}))
    supervisor = stage.supervisor(installed_by(stage, installed, []), app)

    await asyncio.wait_for(supervisor.start_all(), DEADLINE_SECONDS)
    at_the_start = states(stage)
    installed.set()
    await until(lambda: states(stage) == [State.RUNNING, State.RUNNING])

    assert at_the_start == [State.INSTALLING, State.RUNNING]
    assert "storage notice installing it" in [str(event) for event in stage.events]


async def test_what_cannot_be_installed_is_left_out_with_the_cause_until_it_is_started(stage: Stage) -> None:
    installed = asyncio.Event()
    installed.set()
    supervisor = stage.supervisor(installed_by(stage, installed, ["no network"]), stage.service("app"))

    await supervisor.start_all()
    await until(lambda: states(stage)[0] is State.LEFT_OUT)
    cause = supervisor.status()[0].cause
    await supervisor.start("storage")

    assert cause == "no network"
    assert states(stage) == [State.RUNNING, State.RUNNING]
    assert supervisor.status()[0].cause == ""


@pytest.mark.parametrize("everything", [True, False])
async def test_an_installation_can_be_given_up(stage: Stage, everything: bool) -> None:
    supervisor = stage.supervisor(installed_by(stage, asyncio.Event(), []), stage.service("app"))
    await supervisor.start_all()
    await until(lambda: states(stage)[0] is State.INSTALLING)

    stopping = supervisor.stop_all() if everything else supervisor.stop("storage")
    await asyncio.wait_for(stopping, 3)

    assert states(stage) == [State.STOPPED, State.STOPPED if everything else State.RUNNING]
    assert "storage stopped" in [str(event) for event in stage.events]


@pytest.fixture
def silent_registry() -> Iterator[str]:
    """Accepts connections, and never answers."""
    kept = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def keep() -> None:
            while True:
                try:
                    kept.append(listener.accept()[0])
                except OSError:
                    return

        threading.Thread(target=keep, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
    for connection in kept:
        connection.close()


@pytest.fixture
def without_npm_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, silent_registry: str) -> None:
    """npm has an empty cache, and a registry that does not answer."""
    if asyncio.run(installation.machine_node()) is None:
        pytest.skip("there is no Node.js with npm on this machine")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
    monkeypatch.setenv("npm_config_registry", silent_registry)
    monkeypatch.setattr(installation, "INSTALLATION", tmp_path / "azurite")
    monkeypatch.setattr(installation, "LOCK", tmp_path / "azurite.lock")


def children() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


@pytest.mark.usefixtures("without_npm_packages")
def test_npm_gives_up_a_registry_that_does_not_answer_without_using_the_processor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(installation, "REGISTRY_TIMEOUT_SECONDS", 2.0)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()

    with pytest.raises(AzuriteUnavailableError, match=r"network timeout|did not end"):
        asyncio.run(installation.install(lambda _: None))

    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert time.monotonic() - began < DEADLINE_SECONDS
    # Starting npm takes less than half a second of it.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 3
    assert children() == []


@pytest.mark.usefixtures("without_npm_packages")
async def test_giving_up_an_installation_ends_npm() -> None:
    installing = asyncio.create_task(installation.install(lambda _: None))
    # Written just before npm is started.
    await until(lambda: (installation.INSTALLATION / "package-lock.json").exists() and children() != [])

    installing.cancel()
    await asyncio.wait({installing}, timeout=3)

    assert installing.cancelled()
    assert children() == []


async def test_a_command_that_does_not_end_is_ended_with_all_its_processes(tmp_path: Path) -> None:
    script = f"sleep 77 & echo $! > {tmp_path}/pid; trap '' TERM; wait; sleep 77"

    with pytest.raises(installation._CommandError, match=r"`sh -c .*` did not end within"):
        await installation._run(("/bin/sh", "-c", script), tmp_path, 0.5)

    grandchild = int((tmp_path / "pid").read_text())
    await until(lambda: not psutil.pid_exists(grandchild) or psutil.Process(grandchild).status() == "zombie")


@pytest.fixture
def fresh_environment(tmp_path: Path) -> Path:
    """The Python of an environment in which Azurite is not installed; it has the packages of this one."""
    folder = tmp_path / "environment"
    venv.create(folder, symlinks=True)
    [packages] = folder.glob("lib/*/site-packages")
    source = Path(installation.__file__).parents[2]
    (packages / "these.pth").write_text(f"{source}\n{sysconfig.get_path('purelib')}\n", encoding="utf-8")
    return folder / "bin" / "python"


def up(python: Path, config: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 the program under test
        [python, "-m", "local_azure", "up", "--detach", "--free-ports", "--config", config, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A settings file with Azurite, a gateway and a tiny app."""
    file = write_tiny_app(tmp_path)
    file.write_text("[azurite]\n" + file.read_text())
    return file


@pytest.mark.usefixtures("without_npm_packages")
def test_a_stack_is_up_while_azurite_is_being_installed(config: Path, fresh_environment: Path) -> None:
    began = time.monotonic()
    started = up(fresh_environment, config)
    took = time.monotonic() - began
    with Stack(config.parent / ".local-azure") as stack:
        services = stack.status()
        supervisor = psutil.Process(stack.running.supervisor.pid)
        wait_until(lambda: any(child.name().startswith(("node", "npm")) for child in supervisor.children()))
        processes = supervisor.children(recursive=True)
        began = time.monotonic()
    took_down = time.monotonic() - began

    assert (started.returncode, started.stderr) == (0, "")
    assert took < START_SECONDS
    [running] = [line for line in started.stdout.splitlines() if line.startswith("Running on")]
    assert "azurite" not in running
    assert "gateway" in running
    assert [service.state for service in services] == [State.INSTALLING, State.RUNNING, State.RUNNING]
    assert took_down < STOP_SECONDS
    assert [process for process in processes if process.is_running()] == []


@pytest.fixture
def nothing_to_install_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no Node.js, no pip, and nothing that uv could download."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("UV_OFFLINE", "1")


@pytest.mark.usefixtures("nothing_to_install_with")
def test_azurite_that_cannot_be_installed_is_shown_as_left_out_with_the_cause(
    config: Path, fresh_environment: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    started = up(fresh_environment, config)
    with Stack(config.parent / ".local-azure") as stack:
        wait_until(lambda: stack.status()[0].state is State.LEFT_OUT)
        Console().print_status(stack.status())
        with pytest.raises(StackError, match="Azurite cannot be installed"):
            stack.wait_for("azurite")
        with pytest.raises(StackError, match="Azurite cannot be installed"):
            stack.start_service("azurite")
        again = stack.status()[0]

    assert started.returncode == 0
    assert "azurite is left out: Azurite cannot be installed: " in capsys.readouterr().out
    assert (again.state, again.cause[:27]) == (State.LEFT_OUT, "Azurite cannot be installed")


@pytest.mark.usefixtures("nothing_to_install_with")
def test_azurite_that_is_named_is_required(config: Path, fresh_environment: Path) -> None:
    started = up(fresh_environment, config, "--only", "azurite", "--only", "tiny")

    assert started.returncode == 1
    assert "Azurite cannot be installed" in started.stderr


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)
