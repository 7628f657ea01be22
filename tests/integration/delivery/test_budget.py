from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.integration.delivery.fake_command import FakeCommand
from tools.delivery.azure_cli import AzureCliError
from tools.delivery.budget import main, start_date
from tools.delivery.environments import Environment

DEV = Environment("dev")
TODAY = date(2027, 2, 28)
BUDGETS = "/resourceGroups/rg-dev/providers/Microsoft.Consumption/budgets?api-version="


@pytest.fixture
def az(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeCommand:
    """A subscription where the resource group of dev exists, without a budget."""
    fake = FakeCommand(tmp_path / "bin", "az")
    monkeypatch.setenv("PATH", str(fake.folder))
    monkeypatch.delenv("AZURE_SUBSCRIPTION_ID", raising=False)
    fake.answers("group exists --name rg-dev", answer=True)
    fake.answers("rest --method get --uri", {"value": []})
    return fake


def budget(name: str, start: str) -> dict[str, Any]:
    return {"name": name, "properties": {"amount": 50, "timePeriod": {"startDate": start, "endDate": f"{start}"}}}


def test_an_existing_budget_keeps_its_start(az: FakeCommand) -> None:
    others = [budget("team", "2025-01-01T00:00:00Z"), budget("budget-ypaeil7uhnej2", "2026-11-01T00:00:00Z")]
    az.answers("rest --method get --uri", {"value": others})

    assert start_date(DEV, TODAY) == "2026-11-01"
    assert az.calls(f"--uri /subscriptions/{{subscriptionId}}{BUDGETS}")


def test_a_new_budget_starts_in_this_month(az: FakeCommand) -> None:
    assert start_date(DEV, TODAY) == "2027-02-01"


def test_without_a_resource_group_there_is_no_budget(az: FakeCommand) -> None:
    az.answers("group exists", answer=False)
    az.answers("rest", code=1, error="ResourceGroupNotFound")

    assert start_date(DEV, TODAY) == "2027-02-01"


@pytest.mark.parametrize("command", ["group exists", "rest"])
def test_the_start_is_not_guessed_if_azure_cannot_be_read(az: FakeCommand, command: str) -> None:
    az.answers(command, code=1, error="Too many requests")

    with pytest.raises(AzureCliError, match="Too many requests"):
        start_date(DEV, TODAY)


def test_the_subscription_of_azd_is_used(az: FakeCommand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_SUBSCRIPTION_ID", "4321")

    start_date(DEV, TODAY)

    assert az.calls("group exists --name rg-dev --subscription 4321")
    assert az.calls(f"--uri /subscriptions/4321{BUDGETS}")


def test_the_command_prints_it(az: FakeCommand, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dev"]) == 0
    assert capsys.readouterr().out == f"{datetime.now(UTC):%Y-%m}-01\n"


def test_the_command_fails_if_azure_cannot_be_read(az: FakeCommand, capsys: pytest.CaptureFixture[str]) -> None:
    az.answers("group exists", code=1, error="Please run 'az login'")

    assert main(["dev"]) == 1
    assert capsys.readouterr().out == ""
