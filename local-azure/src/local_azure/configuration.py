"""The settings file of the local Azure (`local-azure.toml`): what runs, on which ports, with which settings."""

import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

DEFAULT_FILE = Path("local-azure.toml")
DEFAULT_STATE = Path(".local-azure")


class ConfigurationError(Exception):
    """The settings file is missing or wrong; the message names the setting and the fix."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ServiceBusSection(_Section):
    """Where the Service Bus listens, and the file of its entities in the format of Microsoft's emulator."""

    port: int = Field(default=5672, ge=0, le=65535)
    entities: Path


class CompositePath(_Section):
    """A path of a composite index, as in the service's indexing policy."""

    path: str = Field(pattern=r"^/[^/]+")
    order: Literal["ascending", "descending"] = "ascending"


class CosmosContainer(_Section):
    """A container that must exist before an app starts. `default_ttl` in seconds; -1: only an item's own ttl counts.

    ORDER BY several paths needs one of `composite_indexes`.
    """

    database: str
    name: str
    partition_key: str = Field(pattern=r"^/[^/]+")
    default_ttl: int | None = None
    composite_indexes: list[list[CompositePath]] = []


class CosmosSection(_Section):
    """`key`: the account key that requests must be signed with, in base64, as in the connection string."""

    port: int = Field(default=8081, ge=0, le=65535)
    key: str = "bG9jYWw="
    containers: list[CosmosContainer] = []


class AzuriteSection(_Section):
    blob_port: int = Field(default=10000, ge=0, le=65535)
    queue_port: int = Field(default=10001, ge=0, le=65535)
    table_port: int = Field(default=10002, ge=0, le=65535)


class GatewaySection(_Section):
    """`routes`: path prefix → name of a function app. `timeout_seconds`: for a whole answer; then it is 504."""

    port: int = Field(default=8080, ge=0, le=65535)
    timeout_seconds: float = Field(default=30.0, gt=0)
    routes: dict[str, str] = {}


class AppSection(_Section):
    """A function app: its folder, its HTTP port, and the settings only it has."""

    port: int = Field(ge=0, le=65535)
    folder: Path = Path()
    settings: dict[str, str] = {}


class WelcomeSection(_Section):
    """What is shown once everything runs: a sentence, and calls to copy. Both may have placeholders for ports."""

    text: str = ""
    calls: list[str] = []


class Configuration(_Section):
    """The whole settings file. `folder` is where it lies: relative paths in it start there."""

    folder: Path = Path()
    service_bus: ServiceBusSection | None = None
    cosmos: CosmosSection | None = None
    azurite: AzuriteSection | None = None
    gateway: GatewaySection | None = None
    settings: dict[str, str] = {}
    apps: dict[str, AppSection] = {}
    welcome: WelcomeSection = WelcomeSection()

    @classmethod
    def load(cls, file: Path = DEFAULT_FILE) -> Self:
        """Reads and checks `file`. Raises ConfigurationError."""
        try:
            content = tomllib.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ConfigurationError(f"{file}: there is no such settings file; name it with --config") from None
        except tomllib.TOMLDecodeError as error:
            raise ConfigurationError(f"{file}: not readable as TOML: {error}") from None
        try:
            configuration = cls.model_validate({**content, "folder": file.resolve().parent})
        except ValidationError as error:
            first = error.errors()[0]
            setting = ".".join(str(part) for part in first["loc"])
            raise ConfigurationError(f"{file}: {setting}: {first['msg']}") from None
        return configuration._with_known_routes(file)

    @property
    def services(self) -> list[str]:
        """The names of the services, emulators first."""
        sections = {"service_bus": self.service_bus, "cosmos": self.cosmos, "azurite": self.azurite}
        emulators = [name for name, section in sections.items() if section is not None]
        return [*emulators, *self.apps, *(["gateway"] if self.gateway is not None else [])]

    def restricted_to(self, only: Collection[str]) -> Self:
        """Without the services that `only` does not name; empty: with all of them.

        Raises ConfigurationError for an unknown name, and for a gateway without an app that a route leads to. An app
        may do without the emulators: its settings point to their ports, where others may listen.
        """
        if not only:
            return self
        for name in only:
            if name not in self.services:
                raise ConfigurationError(f"there is no service {name!r}; choose from: {', '.join(self.services)}")
        routes = self.gateway.routes if self.gateway is not None and "gateway" in only else {}
        if missing := sorted(set(routes.values()) - set(only)):
            raise ConfigurationError(
                f"the gateway's routes lead to {', '.join(missing)}: start these too, or leave it out"
            )
        omitted = {name: None for name in ("service_bus", "cosmos", "azurite", "gateway") if name not in only}
        apps = {name: app for name, app in self.apps.items() if name in only}
        return self.model_copy(update={**omitted, "apps": apps})

    def _with_known_routes(self, file: Path) -> Self:
        for prefix, app in (self.gateway.routes if self.gateway else {}).items():
            if app not in self.apps:
                raise ConfigurationError(f"{file}: gateway.routes: {prefix} goes to {app!r}, which is not under [apps]")
        return self
