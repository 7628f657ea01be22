"""From the settings file to the services that run."""

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import local_azure
from local_azure.azurite import installation
from local_azure.configuration import Configuration
from local_azure.listening import HOST
from local_azure.supervisor.ports import resolve
from local_azure.supervisor.services import Service

EMULATORS = frozenset({"service_bus", "cosmos", "azurite"})
PACKAGE_PARENT = str(Path(local_azure.__file__).resolve().parent.parent)


@dataclass(frozen=True)
class Place:
    """Where a stack lives: its settings file, its state folder, and all ports that its settings may refer to."""

    config: Path
    state: Path
    ports: Mapping[str, int]


def plan(configuration: Configuration, place: Place, *, with_azurite: bool) -> list[Service]:
    """The services, in the order in which they are shown. Raises ConfigurationError for an unknown placeholder."""
    services = []
    if configuration.service_bus is not None:
        services.append(_server("service_bus", configuration, place, ("--state", str(place.state))))
    if configuration.cosmos is not None:
        services.append(_server("cosmos", configuration, place, ("--state", str(place.state))))
    if configuration.azurite is not None and with_azurite:
        services.append(_azurite(place))
    services += [_app(name, configuration, place) for name in configuration.apps]
    if configuration.gateway is not None:
        upstreams = [f"--upstream={name}=http://{HOST}:{place.ports[name]}" for name in configuration.apps]
        services.append(_server("gateway", configuration, place, tuple(upstreams)))
    return services


def app_settings(name: str, configuration: Configuration, ports: Mapping[str, int]) -> dict[str, str]:
    """The settings of the app `name`, with the ports in use. Raises ConfigurationError."""
    common = {key: resolve(value, ports, f"settings.{key}") for key, value in configuration.settings.items()}
    own = configuration.apps[name].settings
    return common | {key: resolve(value, ports, f"apps.{name}.settings.{key}") for key, value in own.items()}


def _server(name: str, configuration: Configuration, place: Place, arguments: tuple[str, ...]) -> Service:
    port = place.ports[name]
    return Service(
        name=name,
        command=(*_module(name), "--config", str(place.config), "--port", str(port), *arguments),
        folder=configuration.folder,
        environment=child_environment(),
        ports=(port,),
    )


def _app(name: str, configuration: Configuration, place: Place) -> Service:
    folder = configuration.folder / configuration.apps[name].folder
    port = place.ports[name]
    return Service(
        name=name,
        command=(*_module("functions_host"), *_options(app=folder, port=port, name=name, state=place.state)),
        folder=folder,
        environment=child_environment() | app_settings(name, configuration, place.ports),
        ports=(port,),
        after=EMULATORS,
    )


def _options(**options: object) -> Iterator[str]:
    """`--name value` for each."""
    for name, value in options.items():
        yield f"--{name}"
        yield str(value)


def _azurite(place: Place) -> Service:
    ports = (place.ports["azurite_blob"], place.ports["azurite_queue"], place.ports["azurite_table"])
    return Service(
        name="azurite",
        command=installation.command(ports, place.state / "azurite"),
        folder=place.state,
        environment=child_environment(),
        ports=ports,
        announces_ready=False,
    )


def _module(name: str) -> tuple[str, ...]:
    return (sys.executable, "-m", f"local_azure.{name}")


def child_environment() -> dict[str, str]:
    """The environment of this process, with local_azure importable from any folder."""
    paths = [PACKAGE_PARENT, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
