"""Whether callers noticed a deployment, and what is told of it."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.integration.delivery.fake_azure import CREATE, SHORT_LIMITS, UPLOAD, Azure
from tests.integration.delivery.fake_command import FakeCommand
from tools.delivery.__main__ import main
from tools.delivery.deployment import Limits
from tools.play.apps import APPS


def test_calls_that_failed_meanwhile_are_counted(
    root: Path, az: FakeCommand, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Azure, "breaks", staticmethod(lambda calls: calls > 4))

    assert main(["deploy", "dev"], root, SHORT_LIMITS) == 0

    assert "× kakaos: status 502" in capsys.readouterr().out


def test_calls_that_failed_are_a_failure_where_none_may(
    root: Path, az: FakeCommand, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Azure, "breaks", staticmethod(lambda calls: calls > 4))

    assert main(["deploy", "dev", "--zero-downtime"], root, SHORT_LIMITS) == 1

    assert "callers noticed" in capsys.readouterr().err


def test_calls_that_fail_while_the_infrastructure_changes_are_noticed(
    root: Path, az: FakeCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    az.answers("deployment sub create", seconds=0.5)
    monkeypatch.setattr(Azure, "breaks", staticmethod(lambda _: bool(az.calls(CREATE)) and not az.calls(UPLOAD)))

    assert main(["deploy", "dev", "--zero-downtime"], root, SHORT_LIMITS) == 1


def test_calls_that_fail_while_the_last_app_is_replaced_are_noticed(
    root: Path, az: FakeCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    old: dict[str, float] = {"customer": 5}
    monkeypatch.setattr(Azure, "old", old)
    monkeypatch.setattr(Azure, "breaks", staticmethod(lambda _: 0 < old["customer"] < 5))
    limits = Limits(replacement=20, upload_pause=0, poll_pause=0.02, confirmations=4)

    assert main(["apps", "dev", "--zero-downtime"], root, limits) == 1


@pytest.mark.parametrize("shown", [{"code": 3, "error": "DeploymentNotFound"}, {"answer": None}])
def test_where_no_deployment_ended_well_before_the_apps_are_watched(
    root: Path,
    az: FakeCommand,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    shown: dict[str, Any],
) -> None:
    az.answers("deployment sub show", **shown, times=1)
    monkeypatch.setattr(Azure, "breaks", staticmethod(lambda _: bool(az.calls(UPLOAD))))

    assert main(["deploy", "dev", "--zero-downtime"], root, SHORT_LIMITS) == 1

    assert "callers noticed" in capsys.readouterr().err


def test_no_call_failed(root: Path, az: FakeCommand, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["deploy", "dev", "--zero-downtime"], root, SHORT_LIMITS) == 0

    assert re.search(r"During the deployment 0 of [1-9]\d* calls failed", capsys.readouterr().out)


@pytest.mark.parametrize("options", [[], ["--zero-downtime"]])
def test_where_no_service_ever_answered_nobody_can_say_that_no_call_failed(
    root: Path,
    az: FakeCommand,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
) -> None:
    monkeypatch.setattr(Azure, "breaks", staticmethod(lambda _: True))

    assert main(["deploy", "dev", *options], root, SHORT_LIMITS) == len(options)

    told = capsys.readouterr()
    assert "0 of 0 calls failed" in told.out
    assert "customers never answered" in told.out
    assert ("is not known" in told.err) == bool(options)


def test_what_did_not_run_before_is_not_missed_but_awaited_after(
    root: Path, az: FakeCommand, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    az.answers("deployment sub show", code=3, error="DeploymentNotFound", times=1)
    limits = Limits(replacement=20, first_answers=20, upload_pause=0, poll_pause=0.01, confirmations=1)
    after: list[int] = []

    def breaks(calls: int) -> bool:
        if Azure.health_calls >= len(APPS):
            after.append(calls)
        return len(after) < 20

    monkeypatch.setattr(Azure, "breaks", staticmethod(breaks))

    assert main(["deploy", "dev", "--zero-downtime"], root, limits) == 0

    assert "never answered" not in capsys.readouterr().out


def test_one_bad_answer_at_the_beginning_does_not_end_the_watch(
    root: Path, az: FakeCommand, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Azure, "breaks", staticmethod(lambda calls: calls <= 3 or calls > 6))

    assert main(["deploy", "dev", "--zero-downtime"], root, SHORT_LIMITS) == 1

    assert "callers noticed" in capsys.readouterr().err


def test_a_watch_that_broke_off_is_a_failure_where_no_call_may_fail(
    root: Path, az: FakeCommand, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = iter([None] * 4)
    monkeypatch.setattr("tools.play.probe.failure", lambda _, __: next(calls))

    assert main(["deploy", "dev", "--zero-downtime"], root, SHORT_LIMITS) == 1

    told = capsys.readouterr()
    assert "the watch failed: StopIteration()" in told.out
    assert "is not known" in told.err


def test_a_workflow_learns_the_address(
    root: Path, az: FakeCommand, apps: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "outputs"))

    assert main(["deploy", "dev"], root, SHORT_LIMITS) == 0

    assert (tmp_path / "outputs").read_text() == f"gateway_url={apps}/gateway\n"
