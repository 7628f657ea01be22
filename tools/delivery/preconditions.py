"""What has to be there before anything is deployed: everything that is missing is named at once, with its remedy."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.delivery import azure_cli
from tools.delivery.azure_cli import AzureCliError
from tools.delivery.environments import Environment, environment_names

# The first that can deploy to Flex Consumption.
OLDEST_CLI = (2, 60, 0)


@dataclass(frozen=True)
class Problem:
    """`remedy`: what to do or to run."""

    what: str
    remedy: str


def problems(name: str, root: Path, *, with_infrastructure: bool) -> list[Problem]:
    """What is in the way of working on an environment. `with_infrastructure`: Bicep and its parameters are needed."""
    found = list(_environment_problems(name, root, with_infrastructure=with_infrastructure))
    if not azure_cli.is_installed():
        remedy = "install it: https://learn.microsoft.com/cli/azure/install-azure-cli"
        return [*found, Problem("The Azure CLI (az) is not installed.", remedy)]
    found += _version_problems()
    found += _subscription_problems()
    if with_infrastructure:
        found += _bicep_problems()
    return found


def _environment_problems(name: str, root: Path, *, with_infrastructure: bool) -> Iterator[Problem]:
    names = environment_names(root)
    if name not in names:
        what = f"There is no environment {name!r}." if name else "No environment is named."
        yield Problem(what, f"name one of {', '.join(names)}: ENV={names[0]}" if names else "add infra/bicep/main.*")
    elif with_infrastructure:
        for variable, meaning in Environment(name, root).missing_variables().items():
            yield Problem(f"{variable} is not set. {meaning}".strip(), f"export {variable}=…")


def _version_problems() -> Iterator[Problem]:
    version = str(azure_cli.ask("version")["azure-cli"])
    if tuple(map(int, re.findall(r"\d+", version)[:3])) < OLDEST_CLI:
        yield Problem(f"The Azure CLI is {version}; it has to be {'.'.join(map(str, OLDEST_CLI))}.", "run `az upgrade`")


def _subscription_problems() -> Iterator[Problem]:
    try:
        account = azure_cli.ask("account", "show")
    except AzureCliError:
        yield Problem("Nobody is signed in to Azure.", "run `az login`")
        return
    choose = "run `az account set --subscription NAME` (`az account list --output table` shows all)"
    wanted = os.environ.get("AZURE_SUBSCRIPTION_ID")
    if account["id"] == account.get("tenantId"):  # signed in to a tenant as a whole
        yield Problem("No subscription is chosen.", choose)
    elif account.get("state", "Enabled") != "Enabled":
        yield Problem(f"The subscription {account['name']} is {account['state']}.", choose)
    elif wanted and account["id"] != wanted:
        what = f"The subscription {account['name']} is chosen, but AZURE_SUBSCRIPTION_ID names another."
        yield Problem(what, f"run `az account set --subscription {wanted}`")


def _bicep_problems() -> Iterator[Problem]:
    try:
        azure_cli.answer("bicep", "version")
    except AzureCliError:
        yield Problem("The Azure CLI has no Bicep.", "run `az bicep install`")
