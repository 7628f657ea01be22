"""Derives the services to run from the settings file."""

import os
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from local_azure.azurite import installation
from local_azure.configuration import Configuration
from local_azure.listening import HOST
from local_azure.supervisor.ports import resolve
from local_azure.supervisor.services import Notify, Service

# An app with a successor may end its calls: as long as the gateway waits for an answer by default.
GRACE_SECONDS = 30

EMULATORS = frozenset({"service_bus", "cosmos", "azurite"})
WITH_CLOCK = frozenset({"service_bus", "cosmos"})


@dataclass(frozen=True)
class StackLayout:
    """The settings file and state folder of a stack, and every port that its settings may refer to."""

    config: Path
    state: Path
    ports: Mapping[str, int]


def plan(configuration: Configuration, layout: StackLayout, required: Collection[str] = ()) -> list[Service]:
    """The services, in the order `status` shows them. Raises ConfigurationError for an unknown placeholder.

    Azurite is optional, unless `required` names it or nothing else runs: no trigger of the functions host needs it.
    """
    services = []
    if configuration.service_bus is not None:
        services.append(_server("service_bus", configuration, layout, ("--state", str(layout.state))))
    if configuration.cosmos is not None:
        services.append(_server("cosmos", configuration, layout, ("--state", str(layout.state))))
    if configuration.azurite is not None:
        optional = "azurite" not in required and len(configuration.services) > 1
        services.append(_azurite(layout, optional=optional))
    services += [_app(name, configuration, layout) for name in configuration.apps]
    if configuration.gateway is not None:
        upstreams = [f"--upstream={name}=http://{HOST}:{layout.ports[name]}" for name in configuration.apps]
        services.append(_server("gateway", configuration, layout, tuple(upstreams)))
    return services


def app_settings(name: str, configuration: Configuration, ports: Mapping[str, int]) -> dict[str, str]:
    """The settings of the app `name`, with its placeholders replaced. Raises ConfigurationError."""
    common = {key: resolve(value, ports, f"settings.{key}") for key, value in configuration.settings.items()}
    own = configuration.apps[name].settings
    return common | {key: resolve(value, ports, f"apps.{name}.settings.{key}") for key, value in own.items()}


def _server(name: str, configuration: Configuration, layout: StackLayout, arguments: tuple[str, ...]) -> Service:
    return Service(
        name=name,
        command=(*_module(name), "--config", str(layout.config), *arguments),
        folder=configuration.folder,
        environment=dict(os.environ),
        ports=(layout.ports[name],),
        inherits_socket=True,
        hands_over=name == "gateway",
        has_clock=name in WITH_CLOCK,
    )


def _app(name: str, configuration: Configuration, layout: StackLayout) -> Service:
    folder = configuration.folder / configuration.apps[name].folder
    options = _options(app=folder, name=name, state=layout.state, grace=GRACE_SECONDS)
    return Service(
        name=name,
        command=(*_module("functions_host"), *options),
        folder=folder,
        environment=dict(os.environ) | app_settings(name, configuration, layout.ports),
        ports=(layout.ports[name],),
        after=EMULATORS,
        inherits_socket=True,
        hands_over=True,
        has_listeners=True,
    )


def _options(**options: object) -> Iterator[str]:
    """`--name value` for each."""
    for name, value in options.items():
        yield f"--{name}"
        yield str(value)


def _azurite(layout: StackLayout, *, optional: bool) -> Service:
    ports = (layout.ports["azurite_blob"], layout.ports["azurite_queue"], layout.ports["azurite_table"])

    async def install(notify: Notify) -> tuple[str, ...]:
        return installation.command(await installation.install(notify), ports, layout.state / "azurite")

    return Service(
        name="azurite",
        command=(),
        folder=layout.state,
        environment=dict(os.environ),
        ports=ports,
        announces_ready=False,
        install=install,
        optional=optional,
    )


def _module(name: str) -> tuple[str, ...]:
    return (sys.executable, "-m", f"local_azure.{name}")
