"""Deploys to Azure: first the infrastructure, then the apps one after the other. Deletes it, too."""

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from shared.settings import Service
from shared.version import DEVELOPMENT
from tools.command_line import show
from tools.delivery import azure_cli, providers
from tools.delivery.azure_cli import AzureCliError
from tools.delivery.budget import start_date
from tools.delivery.environments import BUDGET_START_DATE, Environment, Template
from tools.delivery.outputs import Outputs
from tools.delivery.package import version

# The app that calls the others and publishes events comes last.
DEPLOYMENT_ORDER = (Service.KAKAO, Service.CUSTOMERVIEW, Service.CUSTOMER)
UPLOAD_ATTEMPTS = 3  # with Limits.upload_pause: a new role assignment needs minutes to take effect everywhere
HEALTH_CALL_SECONDS = 30  # an instance may have to start first


class DeploymentError(Exception):
    """The deployment stopped. The message says where."""


@dataclass(frozen=True)
class Limits:
    """How long a deployment waits, in seconds.

    `replacement`: until no instance of an app runs the old version. Replacing takes minutes, and longer with many.
    `first_answers`: after that, until each service has answered through the gateway once.
    `upload_pause`: before a failed upload is tried again.
    `poll_pause`: between two calls, of `/health` and of the watch: short, so that an outage of seconds is noticed.
    `confirmations`: how many responses in a row must come from the new version: each call may reach another instance.
    """

    replacement: float = 600
    first_answers: float = 120
    upload_pause: float = 60
    poll_pause: float = 2
    confirmations: int = 10


def deploy_foundation(environment: Environment) -> None:
    """Creates or changes what needs rights on the subscription. Raises AzureCliError."""
    for namespace in providers.unregistered(environment):
        azure_cli.run(*providers.register_command(namespace))
    azure_cli.run(
        *("deployment", "sub", "create", "--name", environment.foundation_deployment),
        *("--location", environment.location),
        *("--parameters", str(environment.parameters(Template.FOUNDATION))),
        *("--output", "none"),
        variables={BUDGET_START_DATE: start_date(environment, datetime.now(UTC).date())},
    )


def what_if(environment: Environment, *, read_only: bool) -> None:
    """Shows what a deployment of the infrastructure would change. Raises AzureCliError.

    `read_only`: for an identity that may read the resources but not change them.
    """
    validation = ["--validation-level", "ProviderNoRbac"] if read_only else []
    _run("what-if", environment, *validation)


def deploy_infrastructure(environment: Environment) -> None:
    """Raises AzureCliError."""
    _run("create", environment, "--output", "none")


def _run(command: str, environment: Environment, *options: str) -> None:
    azure_cli.run(
        *("deployment", "group", command),
        *("--resource-group", environment.resource_group),
        *("--name", environment.deployment),
        *("--parameters", str(environment.parameters(Template.SYSTEM))),
        *options,
    )


def deploy_apps(outputs: Outputs, package: Path, limits: Limits) -> None:
    """Deploys the same package to all apps. Stops at the first that fails: raises AzureCliError, DeploymentError."""
    for service in DEPLOYMENT_ORDER:
        app = outputs.apps[service]
        _upload(outputs.azure_resource_group, app.name, package, limits)
        _wait_until_replaced(app.url, f"{service}, version {version(package)}", limits)


def _upload(resource_group: str, name: str, package: Path, limits: Limits) -> None:
    target = ("--resource-group", resource_group, "--name", name, "--src", str(package))
    for attempt in range(1, UPLOAD_ATTEMPTS + 1):
        try:
            azure_cli.run("functionapp", "deployment", "source", "config-zip", *target, "--build-remote", "true")
        except AzureCliError:
            if attempt == UPLOAD_ATTEMPTS:
                raise
            show(f"Trying again in {limits.upload_pause:.0f} s.")
            time.sleep(limits.upload_pause)
        else:
            return


def _wait_until_replaced(url: str, expected: str, limits: Limits) -> None:
    """Waits until only `expected` is reported. While instances are being replaced, old ones respond too."""
    deadline = time.monotonic() + limits.replacement
    confirmed = 0
    while True:
        reported = _reported(url)
        confirmed = confirmed + 1 if reported == expected else 0
        if confirmed == limits.confirmations:
            break
        if not confirmed and time.monotonic() > deadline:
            raise DeploymentError(
                f"{url}/health still reports “{reported}” after {limits.replacement:.0f} s; "
                f"expected “{expected}” {limits.confirmations} times in a row"
            )
        time.sleep(limits.poll_pause)
    show(f"{expected}, runs.")


def _reported(url: str) -> str:
    """The services and version that an instance reports, over a new connection; or what is wrong."""
    if urlsplit(url).scheme not in ("http", "https"):
        raise DeploymentError(f"{url!r} is not the URL of an app")
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=HEALTH_CALL_SECONDS) as response:  # noqa: S310 see above
            health = json.load(response)
            return f"{', '.join(health['services'])}, version {health.get('version', DEVELOPMENT)}"
    except urllib.error.HTTPError as error:
        with error:
            return f"status {error.code}"
    except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError, KeyError, TypeError):
        return "no usable response"


def destroy(environment: Environment, outputs: Outputs) -> None:
    """Deletes the environment with all its data. Raises AzureCliError, DeploymentError."""
    _refuse_if_locked(outputs.azure_resource_group)
    azure_cli.run("group", "delete", "--name", outputs.azure_resource_group, "--yes")
    location = ("--location", outputs.azure_location)
    _purge(("apim", "deletedservice", "show"), ("--service-name", outputs.gateway_name, *location))
    _purge(("keyvault", "show-deleted"), ("--name", outputs.key_vault_name, *location))
    azure_cli.run("deployment", "sub", "delete", "--name", environment.foundation_deployment)


def _refuse_if_locked(resource_group: str) -> None:
    """Azure would delete what is not locked before it came to the lock. Raises AzureCliError, DeploymentError."""
    locks = azure_cli.read_json(
        "lock", "list", "--resource-group", resource_group, "--query", "[].{name: name, id: id}"
    )
    if locks:
        names = ", ".join(lock["name"] for lock in locks)
        commands = "\n".join(f"  az lock delete --ids {lock['id']}" for lock in locks)
        raise DeploymentError(
            f"Nothing was deleted: {resource_group} is locked against it by {names}. To take the lock off, you need "
            f"the role Owner or User Access Administrator:\n{commands}"
        )


def _purge(show_command: Sequence[str], target: Sequence[str]) -> None:
    """Purges what Azure keeps for days after deletion: its name would still be taken at the next deployment."""
    try:
        deleted = azure_cli.read_json(*show_command, *target)
    except AzureCliError:
        return
    if not deleted or deleted.get("properties", {}).get("purgeProtectionEnabled"):
        # Protected from exactly this. `az keyvault recover` restores it if the environment is deployed again.
        return
    azure_cli.run(*show_command[:-1], "purge", *target)
