"""App settings: environment variables and `local.settings.json`, the file of Azure Functions Core Tools."""

import json
import os
import re
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from local_azure.functions_host.errors import StartError

LOCAL_SETTINGS_FILE = "local.settings.json"
_REFERENCE = re.compile(r"%([^%]+)%")
_TRUE = frozenset({"true", "1"})


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class HostSection(_Section):
    """`cors`: comma-separated origins, or `*`. `--port` overrides `local_http_port`."""

    local_http_port: int | None = Field(default=None, alias="LocalHttpPort", ge=0, le=65535)
    cors: str = Field(default="", alias="CORS")
    cors_credentials: bool = Field(default=False, alias="CORSCredentials")


class LocalSettings(_Section):
    encrypted: bool = Field(default=False, alias="IsEncrypted")
    values: dict[str, str] = Field(default={}, alias="Values")
    host: HostSection = Field(default=HostSection(), alias="Host")
    connection_strings: dict[str, str] = Field(default={}, alias="ConnectionStrings")

    @classmethod
    def load(cls, folder: Path) -> "LocalSettings":
        """Reads the app's file; the defaults if there is none. Raises StartError."""
        file = folder / LOCAL_SETTINGS_FILE
        if not file.is_file():
            return cls()
        try:
            settings = cls.model_validate(json.loads(file.read_text(encoding="utf-8-sig")))
        except json.JSONDecodeError as error:
            raise StartError(f"{file}: not valid JSON: {error}") from None
        except ValidationError as error:
            first = error.errors()[0]
            setting = ".".join(str(part) for part in first["loc"])
            raise StartError(f"{file}: {setting}: {first['msg']}") from None
        if settings.encrypted:
            raise StartError(f"{file}: IsEncrypted: encrypted settings cannot be read; run `func settings decrypt`")
        return settings

    def apply(self, environment: MutableMapping[str, str]) -> None:
        """Adds the settings that `environment` lacks, and those that every local host sets."""
        for name, value in self.values.items():
            environment.setdefault(name, value)
        for name, value in self.connection_strings.items():
            environment.setdefault(f"ConnectionStrings:{name}", value)
        environment.setdefault("AZURE_FUNCTIONS_ENVIRONMENT", "Development")
        environment.setdefault("FUNCTIONS_WORKER_RUNTIME", "python")


def expand_settings(
    function: str, binding: Mapping[str, Any], settings: Mapping[str, str] = os.environ
) -> dict[str, Any]:
    """`binding` with every `%NAME%` in its strings replaced by that app setting. Raises StartError."""

    def resolve(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in settings:
            raise StartError(
                f"function {function}: the app setting {name}, which binding {binding['name']!r} refers to as "
                f"%{name}%, is not set; set it in {LOCAL_SETTINGS_FILE} or in the environment"
            )
        return settings[name]

    return {key: _REFERENCE.sub(resolve, value) if isinstance(value, str) else value for key, value in binding.items()}


def is_disabled(function: str, settings: Mapping[str, str] = os.environ) -> bool:
    """Whether an app setting disables `function`, in either spelling that Azure accepts."""
    spellings = (f"AzureWebJobs.{function}.Disabled", f"AzureWebJobs_{function}_Disabled")
    return any(settings.get(name, "").strip().lower() in _TRUE for name in spellings)


def is_true(name: str, settings: Mapping[str, str] = os.environ) -> bool:
    return settings.get(name, "").strip().lower() in _TRUE
