"""What must be in place before a deployment. Everything that is missing is reported at once, with its remedy."""

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.delivery import azure_cli, providers
from tools.delivery.azure_cli import AzureCliError
from tools.delivery.environments import Environment, Template, environment_names
from tools.delivery.refusals import refusals

# The first whose `functionapp deployment source config-zip` ends if the app does not become healthy: earlier versions
# check again for ever (Azure/azure-cli pull request 33388; compared: 2.86.0 and 2.87.0).
OLDEST_CLI = (2, 87, 0)


@dataclass(frozen=True)
class Problem:
    """`remedy`: what to do or to run."""

    what: str
    remedy: str


def problems(name: str, root: Path, template: Template | None) -> list[Problem]:
    """Everything that is missing. `template`: what is to be deployed, if anything but the apps."""
    found = list(_environment_problems(name, root, template))
    if not azure_cli.is_installed():
        remedy = "install it: https://learn.microsoft.com/cli/azure/install-azure-cli"
        return [*found, Problem("The Azure CLI (az) is not installed.", remedy)]
    found += _version_problems()
    of_subscription = list(_subscription_problems())
    found += of_subscription
    if template:
        found += _bicep_problems()
    # The foundation creates the group and registers the providers.
    if template == Template.SYSTEM and not of_subscription and name in environment_names(root):
        for check in (_group_problems, _provider_problems):
            # An identity with roles on its resource group only may not read them; Azure will say what is missing.
            with contextlib.suppress(AzureCliError):
                found += check(Environment(name, root))
    return found


def _environment_problems(name: str, root: Path, template: Template | None) -> Iterator[Problem]:
    names = environment_names(root)
    if name not in names:
        what = f"There is no environment {name!r}." if name else "No environment is named."
        yield Problem(what, f"name one of {', '.join(names)}: ENV={names[0]}" if names else "add infra/bicep/system.*")
    elif template:
        for variable, meaning in Environment(name, root).missing_variables(template).items():
            yield Problem(f"{variable} is not set. {meaning}".strip(), f"export {variable}=…")
        yield from (Problem(*refusal) for refusal in refusals(Environment(name, root), template))


def _version_problems() -> Iterator[Problem]:
    version = str(azure_cli.read_json("version")["azure-cli"])
    if tuple(map(int, re.findall(r"\d+", version)[:3])) < OLDEST_CLI:
        oldest = ".".join(map(str, OLDEST_CLI))
        yield Problem(f"The Azure CLI is {version}; {oldest} or later is required.", "run `az upgrade`")


def _subscription_problems() -> Iterator[Problem]:
    try:
        account = azure_cli.read_json("account", "show")
    except AzureCliError:
        yield Problem("You are not signed in to Azure.", "run `az login`")
        return
    choose = "run `az account set --subscription NAME` (`az account list --output table` lists them)"
    expected = os.environ.get("AZURE_SUBSCRIPTION_ID")
    if account["id"] == account.get("tenantId"):  # signed in to a tenant as a whole
        yield Problem("No subscription is selected.", choose)
    elif account.get("state", "Enabled") != "Enabled":
        yield Problem(f"The subscription {account['name']} is {account['state']}.", choose)
    elif expected and account["id"] != expected:
        what = f"The subscription {account['name']} is selected, but AZURE_SUBSCRIPTION_ID names another."
        yield Problem(what, f"run `az account set --subscription {expected}`")


def _bicep_problems() -> Iterator[Problem]:
    try:
        azure_cli.read_text("bicep", "version")
    except AzureCliError:
        yield Problem("The Azure CLI has no Bicep.", "run `az bicep install`")


def _group_problems(environment: Environment) -> Iterator[Problem]:
    if not azure_cli.read_json("group", "exists", "--name", environment.resource_group):
        what = f"There is no resource group {environment.resource_group} in the subscription."
        yield Problem(what, f"run `make foundation ENV={environment.name}`, once, with the role Owner")


def _provider_problems(environment: Environment) -> Iterator[Problem]:
    for namespace, state in providers.unregistered(environment).items():
        what = f"The resource provider {namespace} is {state} in the subscription."
        yield Problem(what, f"run `az {' '.join(providers.register_command(namespace))}`")
