"""Whether callers noticed a deployment, and how it is reported."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.integration.delivery.fake_azure import CREATE, SHORT_LIMITS, UPLOAD, FakeApps
from tests.integration.delivery.fake_command import FakeCommand
from tools.delivery.__main__ import main
from tools.delivery.deployment import Limits
from tools.play.apps import APPS


def test_failed_calls_are_counted(
    root: Path, az: FakeCommand, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(FakeApps, "gateway_fails", staticmethod(lambda calls: calls > 4))

    assert main(["deploy", "dev"], root, SHORT_LIMITS) == 0

    assert "× kakaos: status 502" in capsys.readouterr().out


def test_with_zero_downtime_a_failed_call_fails_the_deployment(
    root: Path, az: FakeCommand, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(FakeApps, "gateway_fails", staticmethod(lambda calls: calls > 4))

    assert main(["deploy", "dev", "--zero-downtime"], root, SHORT_LIMITS) == 1

    assert "callers noticed" in capsys.readouterr().err


def test_calls_that_fail_while_the_infrastructure_changes_are_noticed(
    root: Path, az: FakeCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    az.answers("deployment group create", seconds=0.5)
    monkeypatch.setattr(
        FakeApps, "gateway_fails", staticmethod(lambda _: bool(az.calls(CREATE)) and not az.calls(UPLOAD))
    )

    assert main(["deploy", "dev", "--zero-downtime"], root, SHORT_LIMITS) == 1


def test_calls_that_fail_while_the_last_app_is_replaced_are_noticed(
    root: Path, az: FakeCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    old: dict[str, float] = {"customer": 5}
    monkeypatch.setattr(FakeApps, "old_responses", old)
    monkeypatch.setattr(FakeApps, "gateway_fails", staticmethod(lambda _: 0 < old["customer"] < 5))
    limits = Limits(replacement=20, upload_pause=0, poll_pause=0.02, confirmations=4)

    assert main(["apps", "dev", "--zero-downtime"], root, limits) == 1


@pytest.mark.parametrize("shown", [{"code": 3, "error": "DeploymentNotFound"}, {"answer": None}])
def test_without_an_earlier_successful_deployment_the_apps_are_watched(
    root: Path,
    az: FakeCommand,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    shown: dict[str, Any],
) -> None:
    az.answers("deployment group show", **shown, times=1)
    monkeypatch.setattr(FakeApps, "gateway_fails", staticmethod(lambda _: bool(az.calls(UPLOAD))))

    assert main(["deploy", "dev", "--zero-downtime"], root, SHORT_LIMITS) == 1

    assert "callers noticed" in capsys.readouterr().err


def test_a_deployment_without_a_failed_call_succeeds(
    root: Path, az: FakeCommand, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["deploy", "dev", "--zero-downtime"], root, SHORT_LIMITS) == 0

    assert re.search(r"During the deployment 0 of [1-9]\d* calls failed", capsys.readouterr().out)


@pytest.mark.parametrize("options", [[], ["--zero-downtime"]])
def test_if_no_service_ever_answers_zero_downtime_is_not_proven(
    root: Path,
    az: FakeCommand,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
) -> None:
    monkeypatch.setattr(FakeApps, "gateway_fails", staticmethod(lambda _: True))

    assert main(["deploy", "dev", *options], root, SHORT_LIMITS) == len(options)

    captured = capsys.readouterr()
    assert "0 of 0 calls failed" in captured.out
    assert "customers gave no good response" in captured.out
    assert ("is not known" in captured.err) == bool(options)


def test_a_first_deployment_misses_nothing_and_waits_for_the_first_answers(
    root: Path, az: FakeCommand, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    az.answers("deployment group show", code=3, error="DeploymentNotFound", times=1)
    limits = Limits(replacement=20, first_answers=20, upload_pause=0, poll_pause=0.01, confirmations=1)
    calls_after: list[int] = []

    def fails(calls: int) -> bool:
        if FakeApps.health_calls >= len(APPS):
            calls_after.append(calls)
        return len(calls_after) < 20

    monkeypatch.setattr(FakeApps, "gateway_fails", staticmethod(fails))

    assert main(["deploy", "dev", "--zero-downtime"], root, limits) == 0

    assert "no good response" not in capsys.readouterr().out


def test_a_bad_response_at_the_start_does_not_end_the_watch(
    root: Path, az: FakeCommand, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(FakeApps, "gateway_fails", staticmethod(lambda calls: calls <= 3 or calls > 6))

    assert main(["deploy", "dev", "--zero-downtime"], root, SHORT_LIMITS) == 1

    assert "callers noticed" in capsys.readouterr().err


def test_with_zero_downtime_a_failed_watch_fails_the_deployment(
    root: Path, az: FakeCommand, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = iter([None] * 4)
    monkeypatch.setattr("tools.play.probe.failure", lambda _, __: next(calls))

    assert main(["deploy", "dev", "--zero-downtime"], root, SHORT_LIMITS) == 1

    captured = capsys.readouterr()
    assert "the watch failed: StopIteration()" in captured.out
    assert "is not known" in captured.err


def test_the_address_is_an_output_of_the_step_on_github(
    root: Path, az: FakeCommand, apps: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "outputs"))

    assert main(["deploy", "dev"], root, SHORT_LIMITS) == 0

    assert (tmp_path / "outputs").read_text() == f"gateway_url={apps}/gateway\n"
