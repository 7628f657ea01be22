"""Prints the start date of an environment's budget: `python -m tools.delivery.budget dev`.

Azure accepts only the current month or a later one for a new budget, and no other start date for an existing one.
"""

import os
import sys
from datetime import UTC, date, datetime
from typing import Any

from tools.command_line import parser, show, show_error
from tools.delivery import azure_cli
from tools.delivery.azure_cli import AzureCliError
from tools.delivery.environments import Environment

NAME_PREFIX = "budget-"
API_VERSION = "2026-06-01"


def start_date(environment: Environment, today: date) -> str:
    """The start of the existing budget, or the first day of this month (ISO 8601). Raises AzureCliError.

    `today`: in UTC.
    """
    existing = [
        budget["properties"]["timePeriod"]["startDate"][: len("2026-11-01")]  # without the time
        for budget in _budgets(environment.resource_group)
        if budget["name"].startswith(NAME_PREFIX)
    ]
    return existing[0] if existing else today.replace(day=1).isoformat()


def _budgets(resource_group: str) -> list[dict[str, Any]]:
    # azd has a subscription of its own; the CLI replaces {subscriptionId} by the one chosen with `az account set`.
    subscription = os.environ.get("AZURE_SUBSCRIPTION_ID")
    option = ("--subscription", subscription) if subscription else ()
    if not azure_cli.read_json("group", "exists", "--name", resource_group, *option):
        return []
    scope = f"/subscriptions/{subscription or '{subscriptionId}'}/resourceGroups/{resource_group}"
    uri = f"{scope}/providers/Microsoft.Consumption/budgets?api-version={API_VERSION}"
    return list(azure_cli.read_json("rest", "--method", "get", "--uri", uri)["value"])


def main(arguments: list[str] | None = None) -> int:
    command_line = parser("tools.delivery.budget", __doc__)
    command_line.add_argument("environment", help="such as dev")
    environment = Environment(command_line.parse_args(arguments).environment)
    try:
        show(start_date(environment, datetime.now(UTC).date()))
    except AzureCliError as error:
        show_error(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
