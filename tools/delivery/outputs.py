"""What a deployment of the infrastructure made: the outputs of infra/bicep/system.bicep."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Self

from shared.settings import Service
from tools.delivery import azure_cli
from tools.delivery.azure_cli import AzureCliError
from tools.delivery.environments import Environment
from tools.play.apps import APPS


class NotDeployedError(Exception):
    """An environment has no complete outputs. The message says why."""


@dataclass(frozen=True)
class App:
    """A function app. `name`: of the resource on Azure."""

    name: str
    url: str


@dataclass(frozen=True)
class Outputs:
    """The outputs that the delivery uses. Every field but `apps` has the output's name, in lower case.

    `apps`: those that the environment has. Where everybody may call, there is no `web`.
    """

    azure_location: str
    azure_resource_group: str
    gateway_name: str
    gateway_url: str
    key_vault_name: str
    my_page_url: str
    apps: Mapping[Service, App]

    @classmethod
    def from_azure(cls, values: Mapping[str, str]) -> Self:
        """`values`: by the names in system.bicep. Raises KeyError."""
        plain = {field: values[field.upper()] for field in _plain_fields()}
        named = {app: App(*(values[name] for name in _app_outputs(app))) for app in APPS}
        apps = {app: found for app, found in named.items() if found.name}
        return cls(**plain, apps=apps)

    @staticmethod
    def names() -> set[str]:
        """The names of the used outputs in system.bicep."""
        return {field.upper() for field in _plain_fields()} | {name for app in APPS for name in _app_outputs(app)}


def _plain_fields() -> list[str]:
    return [field.name for field in fields(Outputs) if field.name != "apps"]


def _app_outputs(app: str) -> tuple[str, str]:
    """The names of the outputs with an app's name and URL."""
    return f"{app.upper()}_APP_NAME", f"{app.upper()}_URL"


def read_all(environment: Environment) -> dict[str, str]:
    """All outputs of the latest deployment, by the names in main.bicep. Raises NotDeployedError."""
    try:
        found = azure_cli.read_json(
            *("deployment", "group", "show", "--resource-group", environment.resource_group),
            *("--name", environment.deployment, "--query", "properties.outputs"),
        )
    except AzureCliError as error:
        raise NotDeployedError(f"{environment.name} has not been deployed yet: {error}") from None
    if not found:
        raise NotDeployedError(
            f"the deployment {environment.deployment} failed and has no outputs: deploy again; "
            f"`az resource list --resource-group {environment.resource_group}` shows what it has made so far"
        )
    # Azure changes the case of some letters.
    return {name.upper(): str(output["value"]) for name, output in found.items()}


def read(environment: Environment) -> Outputs:
    """The outputs of the latest deployment that the delivery uses. Raises NotDeployedError."""
    try:
        return Outputs.from_azure(read_all(environment))
    except KeyError as missing:
        raise NotDeployedError(
            f"the deployment {environment.deployment} has no output {missing}: deploy the infrastructure again"
        ) from None
