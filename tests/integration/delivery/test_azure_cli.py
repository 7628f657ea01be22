"""Commands of the Azure CLI end, whatever Azure does."""

import contextlib
import io
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.delivery.fake_azure import CREATE, SHORT_LIMITS, UPLOAD
from tests.integration.delivery.fake_command import FakeCommand
from tools.delivery import azure_cli, deployment
from tools.delivery.__main__ import main
from tools.delivery.azure_cli import AzureCliError, AzureCliTimeoutError, TimeLimit

DESTROY = ["destroy", "dev", "--confirm", "dev"]
LONG_SECONDS = 60.0  # far longer than any of these tests may last
# As the CLI's packages start it: a script that waits for Python, and does not pass signals on.
WRAPPER = f"""#!/bin/sh
"{sys.executable}" -c 'import os, time
print(os.getpid(), flush=True)
time.sleep({LONG_SECONDS})'
exit 0
"""


@pytest.fixture
def wrapper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = tmp_path / "az"
    program.write_text(WRAPPER)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    return program


def ends(process_id: int) -> bool:
    """Whether a process ends within seconds."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            os.kill(process_id, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.01)
    return False


def test_a_command_that_never_ends_is_ended_with_all_it_has_started(
    wrapper: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(AzureCliTimeoutError) as raised:
        azure_cli.run("functionapp", "deployment", "source", "config-zip", limit=TimeLimit(1, "See the portal"))

    expected = "az functionapp deployment source config-zip did not finish within 1 s and was ended. See the portal"
    assert str(raised.value) == expected
    assert ends(int(capfd.readouterr().out.splitlines()[-1]))


def test_a_read_that_never_ends_is_ended(wrapper: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(azure_cli, "READ", TimeLimit(0.5, "try again"))

    with pytest.raises(AzureCliTimeoutError, match=r"az account show did not finish within 0\.5 s"):
        azure_cli.read_json("account", "show")


@pytest.fixture
def sigint_interrupts() -> Iterator[None]:
    """As in a terminal: a shell starts what runs in the background with SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("sigint_interrupts")
def test_ctrl_c_ends_the_command_too(wrapper: Path, capfd: pytest.CaptureFixture[str]) -> None:
    main_thread = threading.get_ident()
    timer = threading.Timer(1, lambda: signal.pthread_kill(main_thread, signal.SIGINT))
    timer.start()

    with pytest.raises(KeyboardInterrupt):
        azure_cli.run("group", "delete", limit=TimeLimit(LONG_SECONDS, ""))

    assert ends(int(capfd.readouterr().out.splitlines()[-1]))


@pytest.mark.parametrize(("seconds", "shown"), [(0.3, "0.3 s"), (90, "90 s"), (600, "10 min"), (2700, "45 min")])
def test_a_limit_is_shown_as_people_read_it(seconds: float, shown: str) -> None:
    assert str(TimeLimit(seconds, "")) == shown


@pytest.mark.parametrize(
    ("limit", "command", "late", "advice"),
    [
        ("WHAT_IF_SECONDS", ["what-if", "dev"], "deployment group what-if", "try again"),
        ("FOUNDATION_SECONDS", ["foundation", "dev"], "deployment sub create", "--name ssak8-foundation-dev "),
        ("INFRASTRUCTURE_SECONDS", ["deploy", "dev"], CREATE, "--resource-group rg-dev --name ssak8-dev "),
        ("UPLOAD_SECONDS", ["apps", "dev"], UPLOAD, "exceptions of func-kakao"),
        ("GROUP_DELETION_SECONDS", DESTROY, "group delete", "`az group exists --name rg-dev`"),
        ("PURGE_SECONDS", DESTROY, "keyvault purge", "try again: az keyvault purge --name kv-1"),
        (
            "PURGE_SECONDS",
            DESTROY,
            "deployment sub delete",
            "try again: az deployment sub delete --name ssak8-foundation-dev",
        ),
    ],
)
def test_each_change_has_a_limit_and_advice_for_when_it_expires(  # noqa: PLR0917 four of them make a case
    root: Path, az: FakeCommand, monkeypatch: pytest.MonkeyPatch, limit: str, command: list[str], late: str, advice: str
) -> None:
    monkeypatch.setattr(deployment, limit, 0.7)
    az.answers("keyvault show-deleted", {"name": "kv-1"})
    az.answers(late, seconds=LONG_SECONDS)
    shown = io.StringIO()

    with contextlib.redirect_stderr(shown):
        assert main(command, root, SHORT_LIMITS) == 1

    assert "did not finish within 0.7 s and was ended" in shown.getvalue()
    assert advice in shown.getvalue()
    assert len(az.calls(late)) == 1, "what may still be running is not begun again"


def test_a_limit_is_longer_than_the_azure_cli_waits_itself() -> None:
    build, health = 15 * 60, 60 + 15 * 2  # the CLI's own limits: 450 checks of the build, then of the health
    assert build + health < deployment.UPLOAD_SECONDS


def test_a_missing_program_is_an_error_with_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    with pytest.raises(AzureCliError, match=r"\(az\) is not installed"):
        azure_cli.read_text("version")
