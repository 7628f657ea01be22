"""FUNCTIONS_WORKER_PROCESS_COUNT: several processes of an app."""

import asyncio
import os
import signal
from pathlib import Path

import aiohttp
import psutil
import pytest

from tests.integration.functions_host.hosts import Host, Sample, until
from tests.integration.functions_host.test_host_process import app_in, failing_start

CODE = """
import asyncio, os

@app.route("pid", auth_level="ANONYMOUS")
async def pid(req: func.HttpRequest) -> func.HttpResponse:
    await asyncio.sleep(float(req.params.get("seconds", "0")))
    return func.HttpResponse(str(os.getpid()))

@app.timer_trigger("timer", schedule="* * * * * *")
async def tick(timer: func.TimerRequest) -> None:
    with open(os.environ["RECORD"], "a") as file:
        file.write('{"function": "tick", "pid": %d}\\n' % os.getpid())
"""


# A process that has just begun to start has this long on a busy machine.
START_SECONDS = 30


@pytest.fixture
def app(sample: Sample, tmp_path: Path) -> Path:
    sample.settings["FUNCTIONS_WORKER_PROCESS_COUNT"] = "3"
    return app_in(tmp_path, CODE)


def workers(host: Host) -> list[psutil.Process]:
    return psutil.Process(host.process.pid).children()


async def get(url: str) -> str:
    async with aiohttp.ClientSession() as client, client.get(url) as response:
        assert response.status == 200
        return await response.text()


async def answers(host: Host, pid: int) -> bool:
    """Whether the process answers while the others are stopped, so that none of them can be faster."""
    others = {host.process.pid, *(process.pid for process in workers(host))} - {pid}
    for other in others:
        os.kill(other, signal.SIGSTOP)
    try:
        async with asyncio.timeout(START_SECONDS):
            return int(await get(f"{host.url}/api/pid")) == pid
    finally:
        for other in others:
            os.kill(other, signal.SIGCONT)


async def test_all_processes_answer_and_only_the_first_has_listeners(sample: Sample, app: Path) -> None:
    async with sample.running(app=app) as host:
        running = workers(host)
        assert len(running) == 2
        for pid in (host.process.pid, *(process.pid for process in running)):
            assert await answers(host, pid)
        await until(lambda: len(sample.records_of("tick")) > 1)
        assert await host.stop() == 0

    assert {record["pid"] for record in sample.records_of("tick")} == {host.process.pid}
    assert not any(process.is_running() for process in running)


async def test_a_process_that_dies_is_replaced(sample: Sample, app: Path) -> None:
    async with sample.running(app=app) as host:
        killed, *others = (process.pid for process in workers(host))
        survivors = {killed, *others}
        os.kill(killed, signal.SIGKILL)
        await until(lambda: any(f"(process id {killed}) ended with exit code -9" in line for line in host.log))
        [replacement] = await until(lambda: {process.pid for process in workers(host)} - survivors)
        assert replacement != killed
        assert await answers(host, replacement)


async def test_the_other_processes_end_when_the_first_is_killed(sample: Sample, app: Path) -> None:
    async with sample.running(app=app) as host:
        running = workers(host)
        host.process.kill()
        await until(lambda: not any(process.is_running() for process in running))


async def test_running_calls_of_all_processes_are_answered_at_the_end(sample: Sample, app: Path) -> None:
    async with sample.running(app=app) as host:
        calls = [asyncio.create_task(get(f"{host.url}/api/pid?seconds=1.5")) for _ in range(40)]
        await asyncio.sleep(0.7)
        assert await host.stop() == 0
        assert len({await call for call in calls}) > 1


async def test_the_first_process_answers_what_is_asked_of_the_host(sample: Sample, app: Path) -> None:
    async with sample.running(app=app) as host, aiohttp.ClientSession(host.url) as client:
        for _ in range(30):
            # A connection of its own for each, so that every process is asked.
            async with client.get("/admin/host/status", headers={"connection": "close"}) as response:
                assert (await response.json())["processId"] == host.process.pid
        async with client.post("/admin/host/drain") as response:
            assert response.status == 202
        for _ in range(30):
            async with client.get("/admin/host/drain/status", headers={"connection": "close"}) as response:
                assert (await response.json())["state"] != "Disabled"


@pytest.mark.parametrize("count", ["0", "11", "two", ""])
async def test_another_number_is_refused(sample: Sample, app: Path, count: str) -> None:
    sample.settings["FUNCTIONS_WORKER_PROCESS_COUNT"] = count
    exit_code, lines = await failing_start(sample, app, "--port", "0")

    assert exit_code == 2
    assert lines == [
        f"the app setting FUNCTIONS_WORKER_PROCESS_COUNT is {count!r}; set it to a whole number from 1 to 10"
    ]


async def test_an_app_that_cannot_start_fails_once(sample: Sample, app: Path) -> None:
    exit_code, lines = await failing_start(sample, app_in(app, "raise ValueError('no')"), "--port", "0")

    assert exit_code == 2
    assert len(lines) == 1
