"""An instance that just started loses no registration, although every answer that it needs takes a second."""

import asyncio
import tomllib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from local_azure.stack import Stack
from tests.end_to_end.slow_network import HOST, forwarding, once_healthy, port_of, token_endpoint
from tools.paths import LOCAL_AZURE_SETTINGS, ROOT
from tools.play.emulators import Emulators
from tools.play.system import YEON, Response, System
from tools.play.waiting import EVENT_SECONDS, wait_until

ANSWER_SECONDS = 1.0
AT_ONCE = 5
SECRET = "secret"
APPS = ("customer", "customer_2", "kakao", "kakao_2", "customerview")

pytestmark = [pytest.mark.xdist_group("cold start"), pytest.mark.timeout(480), pytest.mark.asyncio(loop_scope="module")]


@dataclass
class ColdSystem:
    """Apps on a slow network, behind front ends that forward to one instance of each.

    `customer`, `kakao`: the names of these instances.
    """

    stack: Stack = field(init=False)
    front_end: str = field(init=False)
    customer: str = "customer"
    kakao: str = "kakao"

    async def port(self, service: str) -> int:
        name = self.customer if service == "customer" else self.kakao
        return await once_healthy(self.stack.port(name))

    async def stop(self, *names: str) -> None:
        for name in names:
            await asyncio.to_thread(self.stack.stop_service, name)

    async def start(self, *names: str) -> None:
        await asyncio.gather(*(asyncio.to_thread(self.stack.start_service, name) for name in names))

    async def register(self, count: int = AT_ONCE) -> list[Response]:
        async with System.at(self.front_end, call_seconds=100) as system:
            return await asyncio.gather(*(system.call("POST", "/customers", json=YEON) for _ in range(count)))


def settings_file(folder: Path, settings: dict[str, str]) -> Path:
    """The settings of the apps as they are, except where they lead; a second instance of two of them."""
    apps = tomllib.loads(LOCAL_AZURE_SETTINGS.read_text(encoding="utf-8"))["apps"]
    lines = ["[settings]", *(f'{name} = "{value}"' for name, value in settings.items())]
    for name in APPS:
        own = apps[name.removesuffix("_2")]["settings"]
        lines += [f"[apps.{name}]", "port = 0", f'folder = "{ROOT}"']
        lines += [f"[apps.{name}.settings]", *(f'{key} = "{value}"' for key, value in own.items())]
    file = folder / "local-azure.toml"
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ColdSystem]:
    folder = tmp_path_factory.mktemp("cold")
    async with AsyncExitStack() as running:
        emulators = running.enter_context(Emulators.running(LOCAL_AZURE_SETTINGS, folder / "emulators"))
        cosmos, service_bus = [
            await running.enter_async_context(forwarding(partial(port_of, port), ANSWER_SECONDS))
            for port in (emulators.port("cosmos"), emulators.port("service_bus"))
        ]
        cold = ColdSystem()
        front_ends = [
            await running.enter_async_context(forwarding(partial(cold.port, name))) for name in ("customer", "kakao")
        ]
        cold.front_end = f"http://{HOST}:{front_ends[0]}"
        settings = {
            "COSMOS_CONNECTION": emulators.cosmos.replace(str(emulators.port("cosmos")), str(cosmos)),
            "SERVICE_BUS_CONNECTION": emulators.service_bus.replace(
                str(emulators.port("service_bus")), str(service_bus)
            ),
            "KAKAO_API_URL": f"http://{HOST}:{front_ends[1]}",
            "KAKAO_API_SCOPE": "kakao/.default",
            # A busy machine needs more than the second that the defaults leave. What those have to cover is arithmetic,
            # and tested as such: docs/decisions/0019-warm-start.md.
            "KAKAO_TIMEOUT_SECONDS": "20",
            "REGISTRATION_SECONDS": "30",
            "IDENTITY_ENDPOINT": await running.enter_async_context(token_endpoint(ANSWER_SECONDS, SECRET)),
            "IDENTITY_HEADER": SECRET,
            # Azure calls it only for an instance that joins because of the load.
            "AzureWebJobs_warmup_Disabled": "true",
        }
        file = settings_file(folder, settings)
        cold.stack = await asyncio.to_thread(Stack.start, file, folder / "apps")
        running.push_async_callback(asyncio.to_thread, cold.stack.down)
        await cold.stop("customer_2", "kakao_2")
        yield cold


def lost(responses: list[Response]) -> list[str]:
    return [f"{response.status} {response.text}" for response in responses if response.status != 201]


async def expect_views(system: ColdSystem, responses: list[Response]) -> None:
    """Waits until every registration has its view: no event was lost either."""
    async with System.at(system.stack.url("customerview"), call_seconds=100) as views:
        for response in responses:
            await views.wait_for_view(response.body["id"], "REGISTERED", EVENT_SECONDS, poll_seconds=1)


async def test_fresh_processes_lose_no_registration(system: ColdSystem) -> None:
    await system.stop("customer", "kakao")
    registering = asyncio.create_task(system.register())

    await system.start("customer", "kakao")

    responses = await registering
    assert lost(responses) == []
    await expect_views(system, responses)


@pytest.mark.parametrize("name", ["customer", "kakao"])
async def test_a_process_that_was_killed_and_restarted_loses_no_registration(system: ColdSystem, name: str) -> None:
    await system.register()  # the others are warm
    killed = system.stack.kill(name)

    # It is cold, but there: how long a process takes to start is the platform's affair.
    async def runs_again() -> bool:
        status = {status.name: status for status in await asyncio.to_thread(system.stack.status)}[name]
        return status.pid not in (None, killed) and status.state == "running"

    await wait_until(runs_again, f"{name} runs again", EVENT_SECONDS)

    responses = await system.register()

    assert lost(responses) == []
    await expect_views(system, responses)


@pytest.mark.parametrize(("service", "name"), [("customer", "customer_2"), ("kakao", "kakao_2")])
async def test_an_instance_that_joins_loses_no_registration(system: ColdSystem, service: str, name: str) -> None:
    await system.register()  # the others are warm
    await system.stop(service)
    setattr(system, service, name)
    try:
        await system.start(name)

        responses = await system.register()
    finally:
        await system.stop(name)
        await system.start(service)
        setattr(system, service, service)

    assert lost(responses) == []
    await expect_views(system, responses)
