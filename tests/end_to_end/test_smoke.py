import asyncio
import sys
from dataclasses import dataclass

import pytest

from local_azure.stack import Stack
from tools.delivery import smoke
from tools.play import steps
from tools.play.local_system import LocalSystem
from tools.play.narrator import StepFailed


@dataclass(frozen=True)
class Finished:
    code: int
    output: str


async def smoke_test(url: str, wait_seconds: float = 20) -> Finished:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tools.delivery.smoke", "--url", url, "--wait", str(wait_seconds)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    return Finished(process.returncode or 0, output.decode())


async def registered(system: LocalSystem) -> set[str]:
    return set(await system.query("customers", "SELECT VALUE c.id FROM c WHERE c.type = 'customer'"))


async def test_the_smoke_test_passes_and_leaves_nobody_registered(system: LocalSystem) -> None:
    customers_before = await registered(system)

    finished = await smoke_test(system.stack.url("gateway") + "/")

    assert finished.code == 0, finished.output
    assert "Every step went as expected." in finished.output
    assert "Left out: no app is named." in finished.output
    assert finished.output.count("the alert was sent") == len(smoke.SYNTHETIC_CUSTOMERS)
    assert await registered(system) == customers_before


async def test_the_smoke_test_fails_if_a_service_does_not_answer(stack: Stack, system: LocalSystem) -> None:
    stack.stop_service("customerview")
    try:
        finished = await smoke_test(stack.url("gateway"), wait_seconds=0.2)
    finally:
        stack.start_service("customerview")

    assert finished.code == 1, finished.output
    assert "/customerViews: status 503" in finished.output


async def test_a_failed_smoke_test_cancels_the_customers_it_registered(
    system: LocalSystem, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    customers_before = await registered(system)
    monkeypatch.setattr(steps, "look_up", refuse)

    code = await asyncio.to_thread(smoke.main, ["--url", system.stack.url("gateway")])

    output = capsys.readouterr().out
    assert code == 1
    assert "registered: 201" in output
    assert "not as expected: the customer is not there" in output
    assert await registered(system) == customers_before


async def refuse(*_: object) -> None:
    raise StepFailed("the customer is not there")


async def test_apps_that_nothing_protects_fail_the_smoke_test(
    system: LocalSystem, capsys: pytest.CaptureFixture[str]
) -> None:
    customers_before = await registered(system)
    app = f"customer={system.stack.url('customer')}"

    code = await asyncio.to_thread(smoke.main, ["--url", system.stack.url("gateway"), "--app", app])

    assert code == 1
    assert "customer refuses a call without a token" in capsys.readouterr().out
    assert await registered(system) == customers_before


@pytest.mark.parametrize("url", ["ssak8.example.org", "ftp://ssak8.example.org", "https://"])
def test_a_wrong_address_is_refused_with_an_example(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        smoke.main(["--url", url])

    assert refused.value.code == 2
    assert "https://ssak8.example.org" in capsys.readouterr().err
