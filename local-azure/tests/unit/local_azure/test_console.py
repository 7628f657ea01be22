import pytest

from local_azure.configuration import Welcome
from local_azure.console import Console, aligned, duration
from local_azure.supervisor.events import Event, Kind
from local_azure.supervisor.services import State
from local_azure.supervisor.supervisor import ServiceStatus


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    assert aligned([("A", "B"), ("long", "x")]) == ["A     B", "long  x"]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.9, "0 s"), (59.9, "59 s"), (60, "1 min 0 s"), (3599, "59 min 59 s"), (7261, "2 h 1 min")]
)
def test_durations_are_readable(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_without_a_terminal_there_are_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with Console() as console:
        console.print_event(Event(Kind.STARTING, "kakao"))
        console.print_event(Event(Kind.READY, "kakao", "http://127.0.0.1:1 (0.1 s)"))
        console.print_event(Event(Kind.NOTICE, detail="[red]no markup[/red]"))

    assert capsys.readouterr().out.splitlines() == [
        "kakao         starting",
        "kakao         ready     http://127.0.0.1:1 (0.1 s)",
        "[red]no markup[/red]",
    ]


def test_the_status_of_a_stopped_service_has_dashes(capsys: pytest.CaptureFixture[str]) -> None:
    stopped = ServiceStatus(name="kakao", state=State.STOPPED, pid=None, address="", uptime=0, restarts=2)

    Console().print_status([stopped])

    assert capsys.readouterr().out.splitlines() == [
        "SERVICE  STATE    PID  ADDRESS  UPTIME  RESTARTS",
        "kakao    stopped  -    -        -       2",
    ]


def test_the_calls_to_copy_have_the_ports_in_use(capsys: pytest.CaptureFixture[str]) -> None:
    welcome = Welcome(text="Try:", calls=["curl -d '{\"a\": 1}' :{gateway_port}"])

    Console().print_welcome({"gateway": 9}, welcome, [])

    shown = capsys.readouterr().out.splitlines()
    assert shown[-2:] == ["Try:", "  curl -d '{\"a\": 1}' :9"]
