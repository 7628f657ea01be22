"""The warm-up trigger."""

import asyncio
import signal
from pathlib import Path

import aiohttp
import pytest

from tests.integration.functions_host.hosts import Sample, until
from tests.integration.functions_host.test_host_process import app_in, failing_start

WARM_UP = """
import asyncio, os, pathlib
from azure.functions.warmup import WarmUpContext
RECORD = pathlib.Path(os.environ["RECORD"])

@app.function_name("NAME")
@app.warm_up_trigger("context")
async def warm_up(context: WarmUpContext) -> None:
    assert isinstance(context, WarmUpContext)
    RECORD.write_text("warming up")
    await asyncio.sleep({seconds})
    RECORD.write_text("warm")
    {then}

@app.route("warm", auth_level="ANONYMOUS")
def look(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(RECORD.read_text() if RECORD.exists() else "cold")
"""


def warming_app(folder: Path, seconds: float = 0.3, then: str = "", name: str = "warmup") -> Path:
    code = WARM_UP.replace("{seconds}", str(seconds)).replace("{then}", then).replace("NAME", name)
    return app_in(folder, code)


async def answer(url: str) -> str:
    async with aiohttp.ClientSession(url) as client, client.get("/api/warm") as response:
        return await response.text()


async def test_an_app_is_ready_and_answers_once_it_is_warm(sample: Sample, tmp_path: Path) -> None:
    async with sample.running(app=warming_app(tmp_path)) as host:
        assert (sample.folder / "records").read_text() == "warm"
        assert await answer(host.url) == "warm"


async def test_a_warm_up_that_fails_stops_nothing(sample: Sample, tmp_path: Path) -> None:
    async with sample.running(app=warming_app(tmp_path, then="raise ValueError('secret')")) as host:
        assert await answer(host.url) == "warm"
        await until(lambda: any("function=warmup" in line and "failed" in line for line in host.log))

    assert not any("secret" in line for line in host.log)


async def test_a_disabled_warm_up_does_not_run(sample: Sample, tmp_path: Path) -> None:
    sample.settings["AzureWebJobs.warmup.Disabled"] = "true"
    async with sample.running(app=warming_app(tmp_path)) as host:
        assert await answer(host.url) == "cold"


async def test_a_warm_up_cannot_be_run_later(sample: Sample, tmp_path: Path) -> None:
    async with (
        sample.running(app=warming_app(tmp_path)) as host,
        aiohttp.ClientSession(host.url) as client,
        client.post("/admin/functions/warmup", json={}) as response,
    ):
        assert response.status == 400
        assert "only when the app starts" in (await response.json())["error"]


async def test_a_host_that_is_stopped_while_it_warms_up_ends(sample: Sample, tmp_path: Path) -> None:
    app = warming_app(tmp_path, seconds=60)
    process = await asyncio.create_subprocess_exec(*sample.command(app, "--port", "0"), env=sample.settings)
    await until((sample.folder / "records").exists)

    process.send_signal(signal.SIGTERM)

    async with asyncio.timeout(20):
        assert await process.wait() == 0


@pytest.mark.parametrize("name", ["warm", "start"])
async def test_another_name_is_refused_as_on_azure(sample: Sample, tmp_path: Path, name: str) -> None:
    exit_code, lines = await failing_start(sample, warming_app(tmp_path, name=name), "--port", "0")

    assert exit_code == 2
    assert lines == [f"function {name}: a function with a warm-up trigger must be named 'warmup'"]
