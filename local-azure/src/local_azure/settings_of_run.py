"""The settings file of a run, for `up --settings`: `Values` as in local.settings.json, and `Apps` of single apps."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from local_azure.configuration import ConfigurationError
from local_azure.os_errors import explained


class SettingsOfRun(BaseModel):
    """`values`: of every app. `apps`: those of single apps, by name, which override them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    encrypted: Literal[False] = Field(default=False, alias="IsEncrypted")
    values: dict[str, str] = Field(default={}, alias="Values")
    apps: dict[str, dict[str, str]] = Field(default={}, alias="Apps")

    def of(self, app: str) -> Mapping[str, str]:
        """All that this app gets."""
        return self.values | self.apps.get(app, {})


def read_settings_of_run(file: Path) -> SettingsOfRun:
    """The settings in `file`. Raises ConfigurationError, whose message shows no value: they may be secrets."""
    try:
        return SettingsOfRun.model_validate_json(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigurationError(f"the settings of this run cannot be read: {explained(error)}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{file}: not valid UTF-8") from None
    except ValidationError as error:
        first = error.errors(include_input=False, include_context=False)[0]
        setting = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(f"{file}: {setting or 'not as expected'}: {first['msg']}") from None
