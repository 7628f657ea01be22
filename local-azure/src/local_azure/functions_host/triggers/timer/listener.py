"""Runs a function on a schedule."""

import asyncio
import os
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from local_azure.functions_host.datums import json_datum
from local_azure.functions_host.errors import StartError
from local_azure.functions_host.functions import Function, TriggerSettings
from local_azure.functions_host.trace_context import continue_trace
from local_azure.functions_host.triggers.outage import StopSignal
from local_azure.functions_host.triggers.retry import invoke_with_retries
from local_azure.functions_host.triggers.timer.schedule import InvalidSchedule, Schedule, parse_schedule
from local_azure.functions_host.triggers.timer.state import Run, TimerState
from local_azure.functions_host.worker import Call, Worker

TIME_ZONE_SETTING = "WEBSITE_TIME_ZONE"
SHORTEST_MONITORED = 60.0  # seconds; as on Azure, runs of a more frequent schedule are not stored
LONGEST_SLEEP = 60.0  # seconds, after which the clock is read again


class TimerTrigger(TriggerSettings):
    schedule: str
    run_on_startup: bool = False
    use_monitor: bool = True


class TimerClock:
    """The wall clock, and `seconds_ahead` of that: as far as the emulators' clock."""

    def __init__(self, seconds_ahead: int = 0) -> None:
        self._ahead = timedelta(seconds=seconds_ahead)
        self._moved = asyncio.Event()

    def now(self, zone: tzinfo) -> datetime:
        return (datetime.now(UTC) + self._ahead).astimezone(zone)

    def move(self, seconds_ahead: int) -> None:
        """Whoever waits looks at the clock again."""
        self._ahead = timedelta(seconds=seconds_ahead)
        self._moved.set()
        self._moved = asyncio.Event()

    async def moved(self) -> None:
        """Returns once it is moved."""
        await self._moved.wait()


class TimerListener:
    """Runs `function` when it is due. Runs do not overlap: due times during a run are skipped."""

    def __init__(self, function: Function, worker: Worker, state: TimerState, clock: TimerClock) -> None:
        self._function = function
        self._worker = worker
        self._state = state
        self._clock = clock
        self._settings = function.trigger_settings(TimerTrigger)
        self._zone = _zone(function.name)
        self._schedule = _schedule(function.name, self._settings.schedule)
        self._monitored = self._settings.use_monitor and self._schedule.shortest_interval() >= SHORTEST_MONITORED
        self._stopping = StopSignal()

    def stop(self) -> None:
        self._stopping.set()

    async def run(self) -> None:
        """Returns after stop(), once the current run is finished."""
        run = self._state.get(self._function.name) if self._monitored else None
        past_due = run is not None and run.due < self._now()
        if past_due or self._settings.run_on_startup:
            await self._invoke(past_due=past_due)
        while not self._stopping:
            past_due = await self._wait_until_due()
            if not self._stopping:
                await self._invoke(past_due=past_due)

    async def _wait_until_due(self) -> bool:
        """Waits by the wall clock. If that is set back, the schedule goes on from there, without a gap.

        Returns whether it is late, because the clock has jumped: runs that were skipped are made up for by one.
        """
        now = self._now()
        due = self._schedule.after(now)
        while not self._stopping and (remaining := (due - now).total_seconds()) > 0:
            await self._sleep(min(remaining, LONGEST_SLEEP))
            before, now = now, self._now()
            if now.astimezone(UTC) < before.astimezone(UTC):
                due = self._schedule.after(now)
        return (now - due).total_seconds() > LONGEST_SLEEP

    async def _sleep(self, seconds: float) -> None:
        """Until the time is over, it is to stop, or the clock is moved."""
        waiting = {asyncio.create_task(self._stopping.wait(seconds)), asyncio.create_task(self._clock.moved())}
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()

    async def _invoke(self, *, past_due: bool) -> None:
        started = self._now()
        content = timer_content(self._state.get(self._function.name), past_due=past_due)
        call = Call(json_datum(content), {}, continue_trace(None))
        await invoke_with_retries(self._worker, self._function, call, self._stopping)
        if self._monitored:
            self._state.put(self._function.name, Run.at(started, self._schedule.after(self._now())))

    def _now(self) -> datetime:
        return self._clock.now(self._zone)


def timer_content(run: Run | None, *, past_due: bool) -> dict[str, Any]:
    """The value of the trigger's parameter."""
    status = {"Last": run.last, "Next": run.next, "LastUpdated": run.updated} if run else None
    return {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": status, "IsPastDue": past_due}


def _schedule(function: str, expression: str) -> Schedule:
    try:
        schedule = parse_schedule(expression)
        schedule.after(datetime.now(UTC))
    except InvalidSchedule as error:
        raise StartError(f"function {function}: schedule: {error}") from None
    return schedule


def _zone(function: str) -> tzinfo:
    """UTC, as on Azure, unless the app setting WEBSITE_TIME_ZONE names another."""
    name = os.environ.get(TIME_ZONE_SETTING)
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError):
        raise StartError(f"function {function}: the app setting {TIME_ZONE_SETTING} {name!r} is unknown") from None
