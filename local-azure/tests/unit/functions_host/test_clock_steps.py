"""A step of the wall clock changes neither the renewal of locks nor leaves a gap in a schedule."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from azure.servicebus.aio import ServiceBusReceiver

from local_azure.functions_host.functions import Function
from local_azure.functions_host.triggers.outage import StopSignal
from local_azure.functions_host.triggers.service_bus import single_dispatch
from local_azure.functions_host.triggers.service_bus.single_dispatch import SingleDispatch, _ReceiverLoop, _Running
from local_azure.functions_host.triggers.timer.listener import TimerClock, TimerListener
from local_azure.functions_host.triggers.timer.state import TimerState
from local_azure.functions_host.worker import Worker

START = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
LOCK_SECONDS = 30


class Time:
    """The wall clock, and what a monotonic one counts."""

    def __init__(self) -> None:
        self.wall = START
        self.counted = 0.0

    def pass_seconds(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self.counted += seconds


@pytest.mark.parametrize("step", [-HOUR, timedelta(0), HOUR])
async def test_a_lock_is_renewed_when_half_of_it_has_passed(monkeypatch: pytest.MonkeyPatch, step: timedelta) -> None:
    time = Time()
    monkeypatch.setattr(single_dispatch, "time", SimpleNamespace(monotonic=lambda: time.counted))
    monkeypatch.setattr(single_dispatch, "datetime", SimpleNamespace(now=lambda _zone: time.wall))
    renewed_at: list[float] = []

    class Receiver:
        async def renew_message_lock(self, message: Any) -> None:
            renewed_at.append(time.counted)
            message.locked_until_utc = time.wall + timedelta(seconds=LOCK_SECONDS)

    dispatch = SingleDispatch(
        Function("f", "f", ()), cast(Worker, None), 1, complete=True, renew_for=300, as_bytes=False
    )
    loop = _ReceiverLoop(dispatch, cast(ServiceBusReceiver, Receiver()), StopSignal())
    message: Any = SimpleNamespace(locked_until_utc=time.wall + timedelta(seconds=LOCK_SECONDS))
    loop._running[cast(Any, None)] = _Running(message, time.counted, time.counted, LOCK_SECONDS)

    time.wall += step
    for _ in range(80):
        time.pass_seconds(0.5)
        await loop._renew_locks()

    assert renewed_at == [15.5, 31]


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (timedelta(0), ["10:05", "10:10", "10:15", "10:20"]),
        (-HOUR, ["10:05", "10:10", "09:15", "09:20"]),
        (HOUR, ["10:05", "10:10", "11:12", "11:15"]),
    ],
)
async def test_a_timer_has_no_gap_when_the_clock_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: timedelta, expected: list[str]
) -> None:
    time = Time()
    runs: list[str] = []
    stepped = False

    async def wait(_: StopSignal, seconds: float) -> None:
        nonlocal stepped
        time.pass_seconds(seconds)
        if time.counted >= 12 * 60 and not stepped:
            stepped = True
            time.wall += step

    async def run(listener: TimerListener, *, past_due: bool) -> None:
        runs.append(f"{time.wall:%H:%M}")
        if len(runs) == len(expected):
            listener.stop()

    monkeypatch.setattr(StopSignal, "wait", wait)
    monkeypatch.setattr(TimerListener, "_invoke", run)
    monkeypatch.setattr(TimerListener, "_now", lambda _: time.wall)
    binding = {"name": "timer", "type": "timerTrigger", "direction": "IN", "schedule": "0 */5 * * * *"}
    state = TimerState(tmp_path / "timers")
    listener = TimerListener(Function("f", "f", (binding,)), cast(Worker, None), state, TimerClock())

    await listener.run()

    assert runs == expected
