"""Derives the services to run from the settings file."""

import os
import shutil
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from local_azure.azurite import installation
from local_azure.configuration import Configuration, ConfigurationError, ProcessSection
from local_azure.identity.key import identity_settings
from local_azure.listening import HOST
from local_azure.settings_of_run import read_settings_of_run
from local_azure.supervisor.ports import resolve
from local_azure.supervisor.services import Notify, Service

# An app with a successor may end its calls: as long as the gateway waits for an answer by default.
GRACE_SECONDS = 30

EMULATORS = frozenset({"service_bus", "cosmos", "azurite"})
# In the command of a process: the Python that runs this, with what is installed for it.
THIS_PYTHON = "{python}"
# In its command and settings: the state folder of the stack.
STATE_FOLDER = "{state}"
WITH_CLOCK = frozenset({"service_bus", "cosmos"})


@dataclass(frozen=True)
class StackLayout:
    """The settings file and state folder of a stack, and every port that its settings may refer to.

    `settings`: the file with the settings of this run, if it has one.
    """

    config: Path
    state: Path
    ports: Mapping[str, int]
    settings: Path | None = None

    def settings_of_run(self, app: str) -> dict[str, str]:
        """Those of the app in the file as it is now, with their placeholders replaced. Raises ConfigurationError."""
        if self.settings is None:
            return {}
        values = read_settings_of_run(self.settings).of(app)
        return {name: resolve(value, self.ports, f"{self.settings}: {name}") for name, value in values.items()}

    def check_settings_of_run(self, apps: Collection[str]) -> None:
        """Raises ConfigurationError if an app could not read them, or if they are for an app that is not in `apps`."""
        if self.settings is None:
            return
        for app in read_settings_of_run(self.settings).apps:
            if app not in apps:
                raise ConfigurationError(f"{self.settings}: Apps.{app}: there is no such app under [apps]")
        for app in apps:
            self.settings_of_run(app)


def plan(configuration: Configuration, layout: StackLayout, required: Collection[str] = ()) -> list[Service]:
    """The services, in the order `status` shows them.

    Raises ConfigurationError for an unknown placeholder, and for a process without a program; OSError if an app has an
    identity and the state folder no key.

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
    if configuration.has_identities:
        services.append(_identity(configuration, layout))
    services += [_process(name, configuration, layout) for name in configuration.processes]
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


def _identity(configuration: Configuration, layout: StackLayout) -> Service:
    apps = configuration.apps.items()
    identities = (f"--identity={name}={app.identity}" for name, app in apps if app.identity is not None)
    return Service(
        name="identity",
        command=(*_module("identity"), "--state", str(layout.state), *identities),
        folder=configuration.folder,
        environment=dict(os.environ),
        ports=(layout.ports["identity"],),
        inherits_socket=True,
    )


def _app(name: str, configuration: Configuration, layout: StackLayout) -> Service:
    section = configuration.apps[name]
    folder = configuration.folder / section.folder
    options = [*_options(app=folder, name=name, state=layout.state, grace=GRACE_SECONDS)]
    if section.authentication is not None:
        options += _options(audience=section.authentication.audience)
        options += [] if section.authentication.anonymous else ["--no-anonymous"]
    platform = {} if section.identity is None else identity_settings(name, layout.ports["identity"], layout.state)
    return Service(
        name=name,
        command=(*_module("functions_host"), *options),
        folder=folder,
        environment=dict(os.environ) | platform | app_settings(name, configuration, layout.ports),
        ports=(layout.ports[name],),
        after=EMULATORS | set(configuration.processes),
        settings=partial(layout.settings_of_run, name),
        inherits_socket=True,
        hands_over=True,
        has_listeners=True,
    )


def _process(name: str, configuration: Configuration, layout: StackLayout) -> Service:
    """Raises ConfigurationError if its command names no program."""
    section, setting = configuration.processes[name], f"processes.{name}"

    def resolved(text: str, named: str) -> str:
        return resolve(text.replace(STATE_FOLDER, str(layout.state.resolve())), layout.ports, f"{setting}.{named}")

    settings = {key: resolved(value, f"settings.{key}") for key, value in section.settings.items()}
    # Python would keep what it prints to itself, and the log would be empty. Other programs ignore it.
    environment = {"PYTHONUNBUFFERED": "1"} | dict(os.environ) | settings
    words = [resolved(word.replace(THIS_PYTHON, sys.executable), "command") for word in section.command]
    return Service(
        name=name,
        command=(_program(words[0], configuration.folder, environment, f"{setting}.command"), *words[1:]),
        folder=configuration.folder,
        environment=environment,
        ports=(layout.ports[name],),
        after=frozenset(name for name in WITH_CLOCK if any(f"{{{name}_port}}" in text for text in _texts(section))),
        announces_ready=False,
        health=section.health,
        ends_as_group=True,
    )


def _texts(section: ProcessSection) -> list[str]:
    """Where its placeholders may be."""
    return [*section.command, *section.settings.values()]


def _program(word: str, folder: Path, environment: Mapping[str, str], setting: str) -> str:
    """The file of a program: of the PATH, or relative to the settings file if it has a slash."""
    candidate = str(folder / word) if "/" in word else word
    found = shutil.which(candidate, path=environment.get("PATH"))
    if found is None:
        raise ConfigurationError(
            f"{setting}: there is no program {candidate!r}; install it, or write {THIS_PYTHON!r} for Python"
        )
    return found


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
