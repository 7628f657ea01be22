import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from local_azure.stack import Stack
from tools.delivery import smoke
from tools.play import steps
from tools.play.local_system import LocalSystem
from tools.play.narrator import StepFailed
from tools.play.people import CONSENTING, CustomersSystem


@dataclass(frozen=True)
class Finished:
    code: int
    output: str


async def smoke_test(url: str, *options: str, wait_seconds: float = 60) -> Finished:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tools.delivery.smoke", "--url", url, "--wait", str(wait_seconds), *options),
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


async def test_a_customer_who_has_signed_in_registers_and_cancels(
    customers_system: CustomersSystem, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text(customers_system.keys.token("smoke-1") + "\n")

    finished = await smoke_test(customers_system.stack.url("gateway"), "--access=customers", f"--token-file={token}")

    assert finished.code == 0, finished.output
    assert "registered: 201" in finished.output
    assert "the customer has no registration any more, after" in finished.output
    assert "Left out: it needs" not in finished.output
    assert token.read_text().strip() not in finished.output
    again = await customers_system.customer("smoke-1").call("GET", "/me/registration")
    assert again.status == 404


async def test_without_a_token_it_is_tested_that_nobody_is_let_in(customers_system: CustomersSystem) -> None:
    finished = await smoke_test(customers_system.stack.url("gateway"))

    assert finished.code == 0, finished.output
    assert "POST /customers: 401, expected 401" in finished.output
    assert "everybody reads the privacy policy" in finished.output
    assert "Left out: it needs a customer's token (--token-file FILE)." in finished.output


async def test_a_customer_who_is_registered_already_stays_so(customers_system: CustomersSystem, tmp_path: Path) -> None:
    customer = customers_system.customer("smoke-2")
    await customer.register(CONSENTING)
    (tmp_path / "token").write_text(customers_system.keys.token("smoke-2"))

    finished = await smoke_test(customers_system.stack.url("gateway"), f"--token-file={tmp_path / 'token'}")

    assert finished.code == 1, finished.output
    assert "the customer of the token is not registered yet: use another one" in finished.output
    assert (await customer.call("GET", "/me/registration")).status == 200


async def test_a_system_that_everybody_may_call_fails_where_customers_should_sign_in(system: LocalSystem) -> None:
    customers_before = await registered(system)

    finished = await smoke_test(system.stack.url("gateway"), "--access=customers")

    assert finished.code == 1, finished.output
    assert "who may call: open, expected customers" in finished.output
    assert await registered(system) == customers_before


@pytest.mark.parametrize("content", [None, "", "two words", "\N{SNOWMAN}"])
def test_a_file_without_a_token_is_refused(
    content: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if content is not None:
        (tmp_path / "token").write_text(content, encoding="utf-8")

    with pytest.raises(SystemExit) as refused:
        smoke.main(["--url", "https://ssak8.example.org", "--token-file", str(tmp_path / "token")])

    assert refused.value.code == 2
    assert "--token-file" in capsys.readouterr().err


@pytest.mark.parametrize("url", ["ssak8.example.org", "ftp://ssak8.example.org", "https://"])
def test_a_wrong_address_is_refused_with_an_example(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        smoke.main(["--url", url])

    assert refused.value.code == 2
    assert "https://ssak8.example.org" in capsys.readouterr().err
