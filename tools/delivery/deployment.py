"""Putting the system on Azure: the infrastructure first, then the apps, one after the other."""

import http.client
import json
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from shared.settings import Service
from shared.version import DEVELOPMENT
from tools.delivery import azure_cli
from tools.delivery.azure_cli import AzureCliError
from tools.delivery.budget import start_date
from tools.delivery.environments import BUDGET_START_DATE, Environment
from tools.delivery.package import version

# The app that calls the others and publishes events comes last.
DEPLOYMENT_ORDER = (Service.KAKAO, Service.CUSTOMERVIEW, Service.CUSTOMER)
UPLOAD_ATTEMPTS = 3
HEALTH_CALL_SECONDS = 30


class DeploymentError(Exception):
    """The deployment stopped. The message says where."""


@dataclass(frozen=True)
class Patience:
    """Seconds. `between_uploads`: a role that was just assigned needs minutes until it is believed everywhere.

    `in_a_row`: how many answers of the new version show that no instance has the old one any more.
    `until_answered`: how long the gateway may need, after that, until each service has answered a call to it.
    """

    until_replaced: float = 600
    until_answered: float = 120
    between_uploads: float = 60
    between_calls: float = 2
    in_a_row: int = 10


def what_if(environment: Environment, *, read_only: bool) -> None:
    """Shows what a deployment of the infrastructure would change. Raises AzureCliError.

    `read_only`: for an identity that may not change what it looks at.
    """
    validation = ["--validation-level", "ProviderNoRbac"] if read_only else []
    _run("what-if", environment, *validation)


def deploy_infrastructure(environment: Environment) -> None:
    """Raises AzureCliError."""
    _run("create", environment, "--output", "none")


def _run(command: str, environment: Environment, *options: str) -> None:
    azure_cli.run(
        *("deployment", "sub", command),
        *("--name", environment.deployment),
        *("--location", environment.location),
        *("--parameters", str(environment.parameters)),
        *options,
        variables={BUDGET_START_DATE: start_date(environment, datetime.now(UTC).date())},
    )


def outputs(environment: Environment) -> dict[str, str]:
    """What the latest deployment of the infrastructure gave: names in upper case → value. Raises DeploymentError."""
    try:
        found = azure_cli.ask(
            *("deployment", "sub", "show", "--name", environment.deployment, "--query", "properties.outputs")
        )
    except AzureCliError as error:
        raise DeploymentError(f"{environment.name} has not been deployed yet: {error}") from None
    if not found:
        tag = f"azd-env-name={environment.name}"
        raise DeploymentError(
            f"the deployment {environment.deployment} did not end well, and has no outputs: deploy again; "
            f"what it made so far is in the groups that `az group list --tag {tag}` shows"
        )
    # Azure changes the case of some letters.
    return {name.upper(): str(output["value"]) for name, output in found.items()}


def deploy_apps(known: Mapping[str, str], package: Path, patience: Patience) -> None:
    """Gives all apps the same package; stops at the first that does not run it. Raises AzureCliError, DeploymentError.

    `known`: the outputs of the infrastructure.
    """
    for app in DEPLOYMENT_ORDER:
        _upload(known["AZURE_RESOURCE_GROUP"], known[f"{app.upper()}_APP_NAME"], package, patience)
        _wait_until_replaced(known[f"{app.upper()}_URL"], f"{app}, version {version(package)}", patience)


def _upload(resource_group: str, name: str, package: Path, patience: Patience) -> None:
    target = ("--resource-group", resource_group, "--name", name, "--src", str(package))
    for attempt in range(1, UPLOAD_ATTEMPTS + 1):
        try:
            azure_cli.run("functionapp", "deployment", "source", "config-zip", *target, "--build-remote", "true")
        except AzureCliError:
            if attempt == UPLOAD_ATTEMPTS:
                raise
            sys.stdout.write(f"Once more in {patience.between_uploads:.0f} s.\n")
            time.sleep(patience.between_uploads)
        else:
            return


def _wait_until_replaced(url: str, wanted: str, patience: Patience) -> None:
    """Waits until nothing but `wanted` is told at `url`: as long as instances are replaced, old ones answer as well."""
    deadline = time.monotonic() + patience.until_replaced
    in_a_row = 0
    while True:
        told = _told(url)
        in_a_row = in_a_row + 1 if told == wanted else 0
        if in_a_row == patience.in_a_row:
            break
        if not in_a_row and time.monotonic() > deadline:
            raise DeploymentError(
                f"{url}/health still tells “{told}” after {patience.until_replaced:.0f} s; "
                f"it has to tell “{wanted}” {patience.in_a_row} times in a row"
            )
        time.sleep(patience.between_calls)
    sys.stdout.write(f"{wanted}, runs.\n")


def _told(url: str) -> str:
    """What an instance of the app says that it is, on a connection of its own; otherwise what is wrong."""
    if urlsplit(url).scheme not in ("http", "https"):
        raise DeploymentError(f"{url!r} is no address of an app")
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=HEALTH_CALL_SECONDS) as response:  # noqa: S310 see above
            health = json.load(response)
            return f"{', '.join(health['services'])}, version {health.get('version', DEVELOPMENT)}"
    except urllib.error.HTTPError as error:
        with error:
            return f"status {error.code}"
    except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError, KeyError, TypeError):
        return "nothing"


def destroy(environment: Environment, known: Mapping[str, str]) -> None:
    """Deletes the environment with all its data. Raises AzureCliError."""
    azure_cli.run("group", "delete", "--name", known["AZURE_RESOURCE_GROUP"], "--yes")
    location = ("--location", known["AZURE_LOCATION"])
    _purge(("apim", "deletedservice", "show"), ("--service-name", known["GATEWAY_NAME"], *location))
    _purge(("keyvault", "show-deleted"), ("--name", known["KEY_VAULT_NAME"], *location))
    azure_cli.run("deployment", "sub", "delete", "--name", environment.deployment)


def _purge(show: Sequence[str], target: Sequence[str]) -> None:
    """Azure keeps some services for days after they were deleted, and their names: a new deployment would fail."""
    try:
        deleted = azure_cli.ask(*show, *target)
    except AzureCliError:
        return
    if not deleted or deleted.get("properties", {}).get("purgeProtectionEnabled"):
        # The point of the protection. `az keyvault recover` brings it back where the environment is made anew.
        return
    azure_cli.run(*show[:-1], "purge", *target)
