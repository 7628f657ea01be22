"""The supervisor with real child processes."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest

from local_azure.supervisor.child import Child
from local_azure.supervisor.events import Event, Kind
from local_azure.supervisor.services import Service, StackError, StartError, State
from local_azure.supervisor.state_folder import StateFolder
from local_azure.supervisor.supervisor import ServiceStatus, Supervisor

STAND_IN = Path(__file__).with_name("stand_in.py")
DEADLINE_SECONDS = 60.0


class Stage:
    """Supervisors of stand-ins, and what the stand-ins noted."""

    def __init__(self, folder: Path) -> None:
        self.journal = folder / "journal"
        self.journal.touch()
        self.state = StateFolder(folder / "state")
        self.state.prepare()
        self.supervisors: list[Supervisor] = []
        self.events: list[Event] = []

    def service(
        self, name: str, behaviour: str = "good", *, after: frozenset[str] = frozenset(), ready_timeout: float = 10.0
    ) -> Service:
        return Service(
            name=name,
            command=(sys.executable, "-I", "-S", str(STAND_IN), behaviour, str(self.journal), name),
            folder=self.journal.parent,
            environment=dict(os.environ),
            ports=(),
            after=after,
            ready_timeout=ready_timeout,
        )

    def supervisor(self, *services: Service) -> Supervisor:
        supervisor = Supervisor(services, self.state, [self.events.append])
        self.supervisors.append(supervisor)
        return supervisor

    @property
    def notes(self) -> list[str]:
        return self.journal.read_text().splitlines()


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    stage = Stage(tmp_path)
    yield stage
    for supervisor in stage.supervisors:
        supervisor.kill_all()
        await supervisor.stop_all()


def only(supervisor: Supervisor) -> ServiceStatus:
    (status,) = supervisor.status()
    return status


async def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not true():
        assert time.monotonic() < deadline, "it did not come to be"
        await asyncio.sleep(0.01)


async def test_services_start_after_those_they_need_and_end_before_them(stage: Stage) -> None:
    needed = frozenset({"base", "absent"})
    supervisor = stage.supervisor(stage.service("app", after=needed), stage.service("base"))

    await supervisor.start_all()
    running = {status.name: status.state for status in supervisor.status()}
    await supervisor.stop_all()

    assert running == {"app": State.RUNNING, "base": State.RUNNING}
    assert stage.notes == ["base started", "app started", "app ended", "base ended"]
    assert [str(event).partition(" (")[0] for event in stage.events] == [
        "base starting",
        "base ready http://127.0.0.1:1",
        "app starting",
        "app ready http://127.0.0.1:1",
        "app stopping",
        "app stopped",
        "base stopping",
        "base stopped",
    ]


async def test_what_a_service_prints_is_in_its_log(stage: Stage) -> None:
    await stage.supervisor(stage.service("one")).start_all()

    assert stage.state.log_file("one").read_text() == "loading\n"


async def test_a_service_that_ends_at_its_start_is_named_with_its_reason(stage: Stage) -> None:
    supervisor = stage.supervisor(stage.service("one", "wrong"))

    with pytest.raises(StartError, match=r"(?s)one ended with exit code 2\..*port 1 is taken"):
        await supervisor.start_all()

    assert only(supervisor).state is State.STOPPED
    assert stage.notes == ["one started"]


async def test_a_service_that_does_not_become_ready_is_named_and_ended(stage: Stage) -> None:
    supervisor = stage.supervisor(stage.service("one", "silent", ready_timeout=0.3))

    with pytest.raises(StartError, match=r"one was not ready after"):
        await supervisor.start_all()

    assert stage.notes == ["one started", "one ended"]
    assert only(supervisor).pid is None


async def test_a_service_that_ends_is_restarted_with_a_growing_delay(stage: Stage) -> None:
    supervisor = stage.supervisor(stage.service("one", "brief"))

    await supervisor.start_all()
    await until(lambda: stage.notes.count("one started") == 4 and only(supervisor).state is State.RUNNING)

    assert only(supervisor).restarts == 3
    deaths = [event.detail for event in stage.events if event.kind is Kind.DIED]
    assert deaths == [f"exit code 1, restarting in {seconds} s" for seconds in ("0.2", "0.4", "0.8")]


async def test_a_killed_service_is_restarted_as_another_process(stage: Stage) -> None:
    supervisor = stage.supervisor(stage.service("one"))
    await supervisor.start_all()
    killed = only(supervisor).pid
    assert killed is not None

    os.kill(killed, signal.SIGKILL)
    await until(lambda: only(supervisor).restarts == 1 and only(supervisor).state is State.RUNNING)

    assert only(supervisor).pid not in (None, killed)
    assert any("SIGKILL" in event.detail for event in stage.events)


async def test_a_stopped_service_stays_stopped_until_it_is_started(stage: Stage) -> None:
    supervisor = stage.supervisor(stage.service("one"), stage.service("two"))
    await supervisor.start_all()

    await supervisor.stop("one")
    states = [status.state for status in supervisor.status()]
    await supervisor.start("one")

    assert states == [State.STOPPED, State.RUNNING]
    assert [status.state for status in supervisor.status()] == [State.RUNNING, State.RUNNING]
    assert stage.notes.count("one started") == 2
    assert only_restarts(supervisor) == [0, 0]


def only_restarts(supervisor: Supervisor) -> list[int]:
    return [status.restarts for status in supervisor.status()]


async def test_a_service_can_be_stopped_while_it_waits_for_its_restart(stage: Stage) -> None:
    supervisor = stage.supervisor(stage.service("one", "brief"))
    await supervisor.start_all()
    await until(lambda: only(supervisor).state is State.RESTARTING)

    await supervisor.stop("one")
    started = len(stage.notes)
    await asyncio.sleep(0.3)

    assert only(supervisor).state is State.STOPPED
    assert len(stage.notes) == started


async def test_a_service_that_does_not_end_is_ended_by_force(stage: Stage) -> None:
    child = Child(stage.service("one", "stubborn"), stage.state.log_file("one"), stage.events.append)
    await child.start()
    pid = child.pid

    await asyncio.wait_for(child.stop(limit=0.2), 2)

    assert pid is not None
    assert not psutil.pid_exists(pid)


async def test_an_unknown_service_is_refused_with_the_known_ones(stage: Stage) -> None:
    supervisor = stage.supervisor(stage.service("one"), stage.service("two"))

    with pytest.raises(StackError, match="there is no service 'three'; there are one, two"):
        await supervisor.stop("three")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
def test_services_end_with_a_supervisor_that_is_killed(stage: Stage) -> None:
    program = (
        "import asyncio, sys; from pathlib import Path\n"
        "from local_azure.supervisor.child import Child; from local_azure.supervisor.services import Service\n"
        "async def main():\n"
        f"    service = Service('one', {stage.service('one').command!r}, Path('.'), {{}}, ())\n"
        f"    await Child(service, Path({str(stage.state.log_file('one'))!r}), print).start()\n"
        "    print('up', flush=True); await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as supervisor:  # noqa: S603 the program above
        assert supervisor.stdout is not None
        while supervisor.stdout.readline() != "up\n":
            assert supervisor.poll() is None
        supervisor.kill()

    deadline = time.monotonic() + DEADLINE_SECONDS
    while stage.notes != ["one started", "one ended"]:
        assert time.monotonic() < deadline
        time.sleep(0.01)
