"""Start and stop of the host process, its options and settings."""

import asyncio
import json
import re
import signal
import socket
import time
from pathlib import Path

import aiohttp
import pytest

from tests.integration.functions_host.hosts import SAMPLE_APP, Sample, until


async def failing_start(sample: Sample, app: Path = SAMPLE_APP, *arguments: str) -> tuple[int, list[str]]:
    """Exit code and stderr lines of a host that must not start."""
    process = await asyncio.create_subprocess_exec(
        *sample.command(app, *arguments),
        env=sample.settings,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(20):
        output, errors = await process.communicate()
    assert process.returncode is not None
    lines = [line for line in errors.decode().splitlines() if "Auth level is not applied" not in line]
    assert output.decode().splitlines() == [f"failed {lines[-1]}"]
    return process.returncode, lines


def app_in(folder: Path, code: str, host: object = None) -> Path:
    (folder / "function_app.py").write_text(f"import azure.functions as func\napp = func.FunctionApp()\n{code}\n")
    (folder / "host.json").write_text(json.dumps(host or {"version": "2.0"}))
    return folder


@pytest.mark.parametrize(
    ("code", "host", "error"),
    [
        ("", {"version": "2.0", "extensions": {"blobs": {}}}, r"host\.json: extensions\.blobs: is unknown or not"),
        ("raise ValueError('no')", None, r"function_app\.py: ValueError: no \(.*function_app\.py:3\)"),
        (
            "@app.queue_trigger('m', 'q', 'C')\ndef f(m: func.QueueMessage): ...",
            None,
            "function f: binding 'm' is of type queueTrigger, which the local host does not support",
        ),
        ("@app.route('%R%')\ndef f(req: func.HttpRequest): ...", None, "function f: the app setting R,"),
    ],
)
async def test_an_unsupported_app_is_one_line_and_exit_code_2(
    sample: Sample, tmp_path: Path, code: str, host: object, error: str
) -> None:
    exit_code, lines = await failing_start(sample, app_in(tmp_path, code, host), "--port", "0")

    assert exit_code == 2
    assert len(lines) == 1
    assert re.search(error, lines[0])


async def test_an_app_prints_to_the_log_and_can_disable_the_home_page(sample: Sample, tmp_path: Path) -> None:
    sample.settings["AzureWebJobsDisableHomepage"] = "true"
    async with sample.running(app=app_in(tmp_path, "print('printed')")) as host:
        async with aiohttp.ClientSession() as client, client.get(host.url) as response:
            assert (response.status, await response.read()) == (204, b"")
        assert await host.stop(signal.SIGINT) == 0
        assert host.process.stdout
        assert await host.process.stdout.read() == b"released\n"

    assert "printed\n" in host.log


async def test_settings_disable_functions_and_limit_requests(sample: Sample) -> None:
    sample.only("hello", "waiting")
    sample.settings["AzureFunctionsJobHost__extensions__http__maxConcurrentRequests"] = "1"
    sample.settings["AzureFunctionsJobHost__extensions__http__maxOutstandingRequests"] = "2"
    async with sample.running("--enable-auth") as host, aiohttp.ClientSession(host.url) as client:

        async def status(path: str, headers: dict[str, str] | None = None) -> int:
            async with client.get(path, headers=headers) as response:
                # also where a request is refused, because to connect again costs both sides more than the refusal
                assert "connection" not in response.headers
                return response.status

        keys = json.loads((sample.folder / "state" / "keys-sample.json").read_text())

        # disabled functions have no route
        assert await status("/api/cookies") == 404
        # anonymous functions and the ping need no key, the admin endpoints the master key
        assert await status("/api/hello") == 200
        assert await status("/admin/host/ping") == 200
        assert await status("/admin/functions") == 401
        assert await status("/admin/functions", {"x-functions-key": keys["host"]}) == 401
        assert await status(f"/admin/functions?code={keys['master']}") == 200
        # one request runs, one waits, one is refused
        statuses = await asyncio.gather(*[status("/api/waiting?seconds=0.3") for _ in range(3)])
        assert sorted(statuses) == [200, 200, 429]


async def test_functions_require_an_access_key(sample: Sample) -> None:
    sample.only("nothing")
    async with sample.running("--enable-auth") as host, aiohttp.ClientSession(host.url) as client:
        keys = json.loads((sample.folder / "state" / "keys-sample.json").read_text())

        async def status(headers: dict[str, str], query: str = "") -> int:
            async with client.get(f"/api/nothing{query}", headers=headers) as response:
                return response.status

        assert await status({}) == 401
        assert await status({"x-functions-key": "wrong"}, f"?code={keys['master']}") == 401
        for key in (keys["functions"]["nothing"], keys["host"], keys["master"]):
            assert await status({"x-functions-key": key}) == 500
            assert await status({}, f"?code={key}") == 500


async def test_local_settings_set_port_cors_and_missing_variables(sample: Sample, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    code = (
        "import os\n@app.route('v', auth_level='ANONYMOUS')\n"
        "def f(req: func.HttpRequest) -> func.HttpResponse:\n"
        "    return func.HttpResponse(os.environ['ONE'] + os.environ['TWO'])"
    )
    app = app_in(tmp_path, code)
    settings = {"Values": {"ONE": "file", "TWO": "file"}, "Host": {"LocalHttpPort": port, "CORS": "https://a.example"}}
    (app / "local.settings.json").write_text(json.dumps(settings))
    sample.settings["ONE"] = "environment-"
    async with sample.running(app=app, port=None) as host, aiohttp.ClientSession(host.url) as client:
        assert host.url == f"http://127.0.0.1:{port}"
        async with client.get("/api/v", headers={"origin": "https://a.example"}) as response:
            assert await response.text() == "environment-file"
            assert response.headers["access-control-allow-origin"] == "https://a.example"
        preflight = {"origin": "https://a.example", "access-control-request-method": "GET"}
        async with client.options("/anything", headers=preflight) as response:
            assert response.status == 204
            assert response.headers["access-control-allow-methods"] == "GET"


async def test_running_functions_finish_before_the_host_ends(sample: Sample) -> None:
    async with sample.running() as host, aiohttp.ClientSession(host.url) as client:
        waiting = asyncio.create_task(client.get("/api/waiting?seconds=0.6"))
        await until_running(client)

        assert await host.stop(signal.SIGTERM) == 0

        assert (await waiting).status == 200


async def test_functions_that_exceed_the_grace_period_are_abandoned(sample: Sample) -> None:
    async with sample.running("--grace", "0.5") as host, aiohttp.ClientSession(host.url) as client:
        slow = asyncio.create_task(client.get("/api/slow?seconds=30"))
        await until_running(client)
        started = time.monotonic()

        assert await host.stop() == 0

        assert time.monotonic() - started < 20
        with pytest.raises(aiohttp.ClientError):
            await slow
        assert any("still ran" in line for line in host.log)


async def until_running(client: aiohttp.ClientSession) -> None:
    """Waits until an invocation runs."""
    for _ in range(200):
        async with client.get("/admin/host/drain/status") as response:
            if (await response.json())["outstandingInvocations"]:
                return
        await asyncio.sleep(0.02)
    pytest.fail("nothing runs")


async def test_a_function_that_exceeds_its_timeout_fails(sample: Sample) -> None:
    sample.settings["AzureFunctionsJobHost__functionTimeout"] = "00:00:00.2"
    async with sample.running() as host, aiohttp.ClientSession(host.url) as client:
        async with client.get("/api/waiting?seconds=20") as response:
            assert response.status == 500
        await until(lambda: any("function=waiting" in line and "timed out" in line for line in host.log))
