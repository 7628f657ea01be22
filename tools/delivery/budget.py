"""The month from which an environment's budget counts: `python -m tools.delivery.budget dev` prints its first day.

Azure lets a new budget begin in the current month at the earliest, and one that exists only when it began.
"""

import argparse
import os
import sys
from datetime import UTC, date, datetime
from typing import Any

from tools.delivery import azure_cli
from tools.delivery.azure_cli import AzureCliError
from tools.delivery.environments import Environment

NAME_PREFIX = "budget-"
API_VERSION = "2026-06-01"


def start_date(environment: Environment, today: date) -> str:
    """What infra/bicep takes as BUDGET_START_DATE, in ISO 8601. Raises AzureCliError.

    `today`: in UTC.
    """
    began = [
        budget["properties"]["timePeriod"]["startDate"][: len("2026-11-01")]  # without the time
        for budget in _budgets(environment.resource_group)
        if budget["name"].startswith(NAME_PREFIX)
    ]
    return began[0] if began else today.replace(day=1).isoformat()


def _budgets(resource_group: str) -> list[dict[str, Any]]:
    # azd has its own subscription, the CLI the chosen one; it replaces the braces by that.
    subscription = os.environ.get("AZURE_SUBSCRIPTION_ID")
    chosen = ("--subscription", subscription) if subscription else ()
    if not azure_cli.ask("group", "exists", "--name", resource_group, *chosen):
        return []
    scope = f"/subscriptions/{subscription or '{subscriptionId}'}/resourceGroups/{resource_group}"
    uri = f"{scope}/providers/Microsoft.Consumption/budgets?api-version={API_VERSION}"
    return list(azure_cli.ask("rest", "--method", "get", "--uri", uri)["value"])


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tools.delivery.budget",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("environment", help="such as dev")
    environment = Environment(parser.parse_args(arguments).environment)
    try:
        sys.stdout.write(f"{start_date(environment, datetime.now(UTC).date())}\n")
    except AzureCliError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
