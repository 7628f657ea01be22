"""The settings file, `local-azure.toml`: which services run, on which ports, with which settings."""

import re
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from local_azure.gateway.headers import FORWARDED_PREFIX, NOT_FORWARDED
from local_azure.gateway.routing import covering_prefix
from local_azure.os_errors import explained

DEFAULT_FILE = Path("local-azure.toml")
DEFAULT_STATE = Path(".local-azure")


type Condition = Annotated[dict[str, str], Field(min_length=1)]
"""Settings that a run must have: names and values."""

# A path without a query (RFC 3986 §3.3), as clients send it.
type UrlPath = Annotated[str, Field(pattern=r"^/[^?#\s]*$")]

# A token of RFC 9110 §5.6.2.
type HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")]


class ConfigurationError(Exception):
    """The settings file is missing or invalid; the message names the setting and the fix."""


def _holds(condition: Condition | None, settings: Mapping[str, str]) -> bool:
    return condition is None or all(settings.get(name) == value for name, value in condition.items())


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ServiceBusSection(_Section):
    """`entities`: the file with queues, topics and subscriptions, in the format of Microsoft's emulator."""

    port: int = Field(default=5672, ge=0, le=65535)
    entities: Path


class CosmosSection(_Section):
    """`key`: the account key, in base64, as in the connection string. `containers`: a file; see cosmos/definitions."""

    port: int = Field(default=8081, ge=0, le=65535)
    key: str = "bG9jYWw="
    containers: Path | None = None


class AzuriteSection(_Section):
    blob_port: int = Field(default=10000, ge=0, le=65535)
    queue_port: int = Field(default=10001, ge=0, le=65535)
    table_port: int = Field(default=10002, ge=0, le=65535)


class GatewaySection(_Section):
    """`routes`: path prefix → name of a function app; `/` covers what no other prefix does. `timeout_seconds`: for a
    whole response; after it, 504. `rewrites`: exact path → the path that the app gets instead.

    `retry_seconds`: for what could not be sent to an app, because nothing listens there; after it, 503. An app that
    crashed is back within one to three seconds. `concurrency`: route prefix, with or without a method before it → how
    many of these requests may be in progress; beyond it, 503.
    """

    port: int = Field(default=8080, ge=0, le=65535)
    timeout_seconds: float = Field(default=30.0, gt=0)
    retry_seconds: float = Field(default=3.0, ge=0)
    routes: dict[str, str] = {}
    rewrites: dict[UrlPath, UrlPath] = {}
    concurrency: dict[str, Annotated[int, Field(ge=1)]] = {}
    renamed_headers: dict[HeaderName, HeaderName] = {}

    @field_validator("renamed_headers")
    @classmethod
    def _renamed_once(cls, renamed: dict[str, str]) -> dict[str, str]:
        """A header has one name on each side, and neither is one that the gateway sets or drops itself."""
        names = [name.lower() for pair in renamed.items() for name in pair]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"{name} is named more than once")
            if name.encode() in NOT_FORWARDED or name.encode().startswith(FORWARDED_PREFIX):
                raise ValueError(f"{name} cannot be renamed, nor be a new name: the gateway sets or drops it itself")
        return renamed

    def without(self, apps: Collection[str]) -> Self:
        """Without the routes to these apps, and what belongs to those routes."""
        routes = {prefix: app for prefix, app in self.routes.items() if app not in apps}
        concurrency = {limited: most for limited, most in self.concurrency.items() if limited.split(" ")[-1] in routes}
        rewrites = {path: target for path, target in self.rewrites.items() if covering_prefix(target, routes)}
        return self.model_copy(update={"routes": routes, "concurrency": concurrency, "rewrites": rewrites})

    def check_rewrites(self, file: Path) -> None:
        """Raises ConfigurationError if one leads to no route."""
        for path, target in self.rewrites.items():
            if covering_prefix(target, self.routes) is None:
                raise ConfigurationError(
                    f"{file}: gateway.rewrites: {path} becomes {target!r}, which no prefix of gateway.routes covers"
                )

    def check_concurrency(self, file: Path) -> None:
        """Raises ConfigurationError if it limits something other than a route."""
        for limited in self.concurrency:
            method, _, prefix = limited.rpartition(" ")
            if prefix not in self.routes or not re.fullmatch("[A-Z]*", method):
                expected = "write a prefix of gateway.routes, or METHOD and a prefix"
                raise ConfigurationError(f"{file}: gateway.concurrency: {limited!r} is not a route; {expected}")


class AuthenticationSection(_Section):
    """Verifies callers' tokens for `audience`. `anonymous`: whether callers without a token reach the app."""

    audience: Annotated[str, Field(min_length=1)]
    anonymous: bool = True


class AppSection(_Section):
    """A function app. `settings`: in addition to the common ones, which they override.

    `identity`: the object id of its managed identity, for which it gets tokens. `when`: it runs only with these
    common settings.
    """

    port: int = Field(ge=0, le=65535)
    folder: Path = Path()
    settings: dict[str, str] = {}
    identity: UUID | None = None
    authentication: AuthenticationSection | None = None
    when: Condition | None = None


class IdentitySection(_Section):
    """Where apps get the tokens of their identities. It runs as long as an app has one, or verifies those of others."""

    port: int = Field(default=0, ge=0, le=65535)


class ProcessSection(_Section):
    """Another program. `command`: its words; no shell. It is ready when its port accepts connections.

    `health`: a path; then it is ready when a GET of it is answered 200. `when`: it runs only with these settings.
    """

    command: Annotated[list[str], Field(min_length=1)]
    port: int = Field(ge=0, le=65535)
    health: Annotated[str, Field(pattern=r"^/[!-~]*$")] | None = None
    settings: dict[str, str] = {}
    when: Condition | None = None


# Its placeholder is `{NAME_port}`.
type ProcessName = Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$")]


class Welcome(_Section):
    """What `up` prints once all services are running: a text, and calls to copy. Both may contain placeholders."""

    text: str = ""
    calls: list[str] = []


class OtherWelcome(Welcome):
    """What it prints with these settings."""

    when: Condition


class WelcomeSection(Welcome):
    """`instead`: the first of them whose settings the run has takes the place of this one."""

    instead: list[OtherWelcome] = []

    def chosen(self, settings: Mapping[str, str]) -> Welcome:
        return next((other for other in self.instead if _holds(other.when, settings)), self)


class Configuration(_Section):
    """The whole settings file. `folder`: where it is; relative paths start there."""

    folder: Path = Path()
    service_bus: ServiceBusSection | None = None
    cosmos: CosmosSection | None = None
    azurite: AzuriteSection | None = None
    identity: IdentitySection = IdentitySection()
    gateway: GatewaySection | None = None
    settings: dict[str, str] = {}
    processes: dict[ProcessName, ProcessSection] = {}
    apps: dict[str, AppSection] = {}
    welcome: WelcomeSection = WelcomeSection()

    @classmethod
    def load(cls, file: Path = DEFAULT_FILE) -> Self:
        """Reads and checks `file`. Raises ConfigurationError."""
        try:
            content = tomllib.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ConfigurationError(f"{file}: there is no such settings file; choose one with --config") from None
        except OSError as error:
            raise ConfigurationError(f"the settings file cannot be read: {explained(error)}") from None
        except UnicodeDecodeError as error:
            raise ConfigurationError(f"{file}: not valid UTF-8: {error}") from None
        except tomllib.TOMLDecodeError as error:
            raise ConfigurationError(f"{file}: not valid TOML: {error}") from None
        try:
            configuration = cls.model_validate({**content, "folder": file.resolve().parent})
        except ValidationError as error:
            first = error.errors()[0]
            setting = ".".join(str(part) for part in first["loc"])
            raise ConfigurationError(f"{file}: {setting}: {first['msg']}") from None
        configuration._check_routes(file)
        return configuration

    @property
    def has_identities(self) -> bool:
        """Whether an app needs the service `identity`, which then runs with it."""
        return any(app.identity or app.authentication for app in self.apps.values())

    @property
    def services(self) -> list[str]:
        """The names of the services that can be chosen: emulators, processes, apps, gateway."""
        sections = {"service_bus": self.service_bus, "cosmos": self.cosmos, "azurite": self.azurite}
        emulators = [name for name, section in sections.items() if section is not None]
        return [*emulators, *self.processes, *self.apps, *(["gateway"] if self.gateway is not None else [])]

    def restricted_to(self, only: Collection[str]) -> Self:
        """With the services that `only` names; if it is empty, with all.

        Raises ConfigurationError for an unknown name, and for a gateway without an app of its routes that always runs.
        An app may run without emulators and processes: its settings contain their ports, where others may be listening.
        """
        if not only:
            return self
        for name in only:
            if name not in self.services:
                raise ConfigurationError(f"there is no service {name!r}; choose from: {', '.join(self.services)}")
        routes = self.gateway.routes if self.gateway is not None and "gateway" in only else {}
        optional = {name for name, app in self.apps.items() if app.when is not None}
        if missing := sorted(set(routes.values()) - set(only) - optional):
            raise ConfigurationError(
                f"the gateway's routes lead to {', '.join(missing)}: start these too, or leave it out"
            )
        omitted = {name: None for name in ("service_bus", "cosmos", "azurite", "gateway") if name not in only}
        apps = {name: app for name, app in self.apps.items() if name in only}
        processes = {name: process for name, process in self.processes.items() if name in only}
        return self.model_copy(update={**omitted, "apps": apps, "processes": processes})

    def for_run(self, settings: Mapping[str, str], only: Collection[str]) -> Self:
        """Without the processes and apps that do not run with these common settings, unless `only` names them."""
        chosen = {
            kind: {name: each for name, each in sections.items() if name in only or _holds(each.when, settings)}
            for kind, sections in (("processes", self.processes), ("apps", self.apps))
        }
        return self.model_copy(update=chosen)

    def gateway_to(self, apps: Collection[str]) -> GatewaySection:
        """The gateway while these apps run. Without an app that has `when`, its routes are left out.

        Raises ConfigurationError if another app is missing.
        """
        gateway = self.gateway or GatewaySection(port=0)
        left_out = {name for name, app in self.apps.items() if app.when is not None and name not in apps}
        gateway = gateway.without(left_out)
        for prefix, app in gateway.routes.items():
            if app not in apps:
                raise ConfigurationError(f"gateway.routes: {prefix} goes to {app!r}; add --upstream {app}=http://…")
        return gateway

    def _check_routes(self, file: Path) -> None:
        for prefix, app in (self.gateway.routes if self.gateway else {}).items():
            if app not in self.apps:
                raise ConfigurationError(f"{file}: gateway.routes: {prefix} goes to {app!r}, which is not under [apps]")
        if self.gateway is not None:
            self.gateway.check_concurrency(file)
            self.gateway.check_rewrites(file)
