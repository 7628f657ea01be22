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
from tools.delivery import azure_cli, providers, web_secrets
from tools.delivery.azure_cli import AzureCliError, AzureCliTimeoutError, TimeLimit
from tools.delivery.budget import start_date
from tools.delivery.environments import BUDGET_START_DATE, Environment, Template
from tools.delivery.outputs import Outputs
from tools.delivery.package import version

# Whoever calls another comes after it: customer calls kakao, and my page all but kakao.
DEPLOYMENT_ORDER = (Service.KAKAO, Service.CUSTOMERVIEW, Service.CUSTOMER, Service.WEB)
# Each is a scale group with instances of its own, which no call from outside reaches: their version cannot be read.
EVENT_FUNCTIONS = (
    "event-publisher",
    "forget-claims",
    "forget-messages",
    "forget-views",
    "kakao-alert",
    "register-deferred",
    "sweep-outbox",
    "view-updater",
)
UPLOAD_ATTEMPTS = 3  # with Limits.upload_pause: a new role assignment needs minutes to take effect everywhere
HEALTH_CALL_SECONDS = 30  # an instance may have to start first
# The limits of the commands that change something: several times what each usually takes, and less than the jobs on
# GitHub may take, so that it is this message that is seen.
WHAT_IF_SECONDS = 600  # a minute or two
INFRASTRUCTURE_SECONDS = 2700  # the gateway takes up to fifteen minutes, a Premium namespace as long
REGISTRATION_SECONDS = 900  # of a resource provider: a few minutes
FOUNDATION_SECONDS = 600  # a group, a budget, a lock, roles: a minute or two
UPLOAD_SECONDS = 1200  # more than the CLI waits itself: 450 checks of the build, then 90 s for the app to be healthy
GROUP_DELETION_SECONDS = 3600  # Azure deletes one resource after the other
PURGE_SECONDS = 900  # of a gateway; all others take seconds


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
        again = f"Azure goes on registering {namespace}. Try again in a few minutes"
        azure_cli.run(*providers.register_command(namespace), limit=TimeLimit(REGISTRATION_SECONDS, again))
    look = f"az deployment sub show --name {environment.foundation_deployment} --query properties.provisioningState"
    azure_cli.run(
        *("deployment", "sub", "create", "--name", environment.foundation_deployment),
        *("--location", environment.location),
        *("--parameters", str(environment.parameters(Template.FOUNDATION))),
        *("--output", "none"),
        limit=TimeLimit(FOUNDATION_SECONDS, f"Azure goes on with it. Try again once `{look}` is not Running any more"),
        variables={BUDGET_START_DATE: start_date(environment, datetime.now(UTC).date())},
    )


def what_if(environment: Environment, *, read_only: bool) -> None:
    """Shows what a deployment of the infrastructure would change. Raises AzureCliError.

    `read_only`: for an identity that may read the resources but not change them.
    """
    validation = ["--validation-level", "ProviderNoRbac"] if read_only else []
    limit = TimeLimit(WHAT_IF_SECONDS, "Nothing was changed: try again")
    _run("what-if", environment, limit, *validation)


def deploy_infrastructure(environment: Environment) -> None:
    """Raises AzureCliError."""
    target = f"--resource-group {environment.resource_group} --name {environment.deployment}"
    look = f"az deployment group show {target} --query properties.provisioningState"
    limit = TimeLimit(
        INFRASTRUCTURE_SECONDS, f"Azure goes on with it. Deploy again once `{look}` is not Running any more"
    )
    _run("create", environment, limit, "--output", "none")


def _run(command: str, environment: Environment, limit: TimeLimit, *options: str) -> None:
    azure_cli.run(
        *("deployment", "group", command),
        *("--resource-group", environment.resource_group),
        *("--name", environment.deployment),
        *("--parameters", str(environment.parameters(Template.SYSTEM))),
        *options,
        limit=limit,
    )


def deploy_apps(outputs: Outputs, package: Path, limits: Limits) -> None:
    """Deploys the same package to all apps. Stops at the first that fails: raises AzureCliError, DeploymentError.

    It waits until no HTTP instance runs the old package, but not for the event functions.
    """
    for service in (each for each in DEPLOYMENT_ORDER if each in outputs.apps):
        if service is Service.WEB and (missing := web_secrets.not_set(outputs)):
            raise DeploymentError(web_secrets.how_to_set(outputs, missing))
        app = outputs.apps[service]
        _upload(outputs.azure_resource_group, app.name, package, limits)
        _wait_until_replaced(app.url, f"{service}, version {version(package)}", limits)
    show(
        f"Not known: when the last old instance of {', '.join(EVENT_FUNCTIONS)} ends. Azure replaces them too, but "
        "no call reaches them. docs/delivery.md has a query that shows which instances still work."
    )


def _upload(resource_group: str, name: str, package: Path, limits: Limits) -> None:
    target = ("--resource-group", resource_group, "--name", name, "--src", str(package))
    limit = TimeLimit(UPLOAD_SECONDS, f"The app may not start: look at the exceptions of {name} before you try again")
    for attempt in range(1, UPLOAD_ATTEMPTS + 1):
        try:
            azure_cli.run(
                "functionapp", "deployment", "source", "config-zip", *target, "--build-remote", "true", limit=limit
            )
        except AzureCliTimeoutError:
            raise  # the first upload may still be at work
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
    show(f"{expected}, runs on the instances that serve HTTP.")


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
    look = f"az group exists --name {outputs.azure_resource_group}"
    limit = TimeLimit(GROUP_DELETION_SECONDS, f"Azure goes on with it. Destroy again once `{look}` says false")
    if azure_cli.read_json("group", "exists", "--name", outputs.azure_resource_group):
        _refuse_if_locked(outputs.azure_resource_group)
        azure_cli.run("group", "delete", "--name", outputs.azure_resource_group, "--yes", limit=limit)
    location = ("--location", outputs.azure_location)
    _purge(("apim", "deletedservice", "show"), ("--service-name", outputs.gateway_name, *location))
    _purge(("keyvault", "show-deleted"), ("--name", outputs.key_vault_name, *location))
    _run_last("deployment", "sub", "delete", "--name", environment.foundation_deployment)


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


def _run_last(*arguments: str) -> None:
    """Runs a command that a person can repeat. Raises AzureCliError."""
    azure_cli.run(*arguments, limit=TimeLimit(PURGE_SECONDS, f"Wait, then try again: az {' '.join(arguments)}"))


def _purge(show_command: Sequence[str], target: Sequence[str]) -> None:
    """Purges what Azure keeps for days after deletion: its name would still be taken at the next deployment."""
    try:
        deleted = azure_cli.read_json(*show_command, *target)
    except AzureCliError:
        return
    if not deleted or deleted.get("properties", {}).get("purgeProtectionEnabled"):
        # Protected from exactly this. `az keyvault recover` restores it if the environment is deployed again.
        return
    _run_last(*show_command[:-1], "purge", *target)
