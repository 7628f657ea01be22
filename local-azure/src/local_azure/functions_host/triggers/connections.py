"""Connection settings of triggers: a connection string, or an address that is used with an identity."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from local_azure.functions_host.app_settings import LOCAL_SETTINGS_FILE
from local_azure.functions_host.errors import StartError

if TYPE_CHECKING:
    from azure.identity.aio import DefaultAzureCredential


@dataclass(frozen=True, slots=True)
class Connection:
    """Either `connection_string` or `address` is set. An address is used with DefaultAzureCredential."""

    connection_string: str = ""
    address: str = ""


def resolve(function: str, name: str, suffix: str, settings: Mapping[str, str] = os.environ) -> Connection:
    """The app setting `name` in the spellings that Azure accepts, or `name__suffix`. Raises StartError."""
    for spelling in (name, f"AzureWebJobs{name}", f"ConnectionStrings:{name}"):
        if settings.get(spelling):
            return Connection(connection_string=settings[spelling])
    if address := settings.get(f"{name}__{suffix}"):
        return Connection(address=address)
    raise StartError(
        f"function {function}: the app setting {name} (a connection string) or {name}__{suffix} is not set; "
        f"set it in {LOCAL_SETTINGS_FILE} or in the environment"
    )


def default_credential() -> "DefaultAzureCredential":
    """The identity signed in on this machine."""
    from azure.identity.aio import DefaultAzureCredential  # noqa: PLC0415 - takes 0.2 s; connection strings do not need it

    return DefaultAzureCredential()
