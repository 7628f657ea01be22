"""The secrets of my page that only people have. The templates make them disabled, until somebody sets them."""

import contextlib
import shlex
from typing import Final

from tools.delivery import azure_cli
from tools.delivery.azure_cli import AzureCliError
from tools.delivery.outputs import Outputs

API_VERSION: Final = "2025-05-01"
SOURCES: Final = {
    "session-private-key": "--file FILE",
    "kakao-login-client-secret": "--file FILE",
}
"""Each with the option of `az keyvault secret set` that gives its value, so that no shell remembers it."""


def not_set(outputs: Outputs) -> list[str]:
    """The names of those that are still disabled. Empty, too, if that may not be read: then my page will not start."""
    found = []
    for name in SOURCES:
        # Resource Manager says this without the secret: who deploys may not read that.
        with contextlib.suppress(AzureCliError):
            enabled = azure_cli.read_json(
                *("resource", "show", "--resource-group", outputs.azure_resource_group),
                *("--namespace", "Microsoft.KeyVault", "--parent", f"vaults/{outputs.key_vault_name}"),
                *("--resource-type", "secrets", "--name", name, "--api-version", API_VERSION),
                *("--query", "properties.attributes.enabled"),
            )
            if enabled is False:
                found.append(name)
    return found


def how_to_set(outputs: Outputs, names: list[str]) -> str:
    """What to run. `names`: of the secrets that are missing."""
    vault = shlex.quote(outputs.key_vault_name)
    commands = "\n".join(
        f"  az keyvault secret set --vault-name {vault} --name {name} {SOURCES[name]} --output none" for name in names
    )
    return (
        f"My page was not deployed, because its secrets are not set: {', '.join(names)}. All else is done. Set them, "
        "for which you need the role Key Vault Secrets Officer on the vault, and deploy again "
        f"(docs/operations.md#secrets says what is in each FILE):\n{commands}"
    )
