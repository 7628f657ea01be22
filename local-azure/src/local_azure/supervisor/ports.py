"""Which port every service gets, and who has a port that is taken."""

import asyncio
import errno
import os
import re
import socket
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass

import psutil

from local_azure.configuration import Configuration, ConfigurationError
from local_azure.listening import HOST

CONNECT_TIMEOUT_SECONDS = 1.0
# Below the ranges from which Linux (32768) and macOS (49152) take ports for outgoing connections, so that no
# connection occupies the port of a service that is stopped for a while.
FREE_PORTS_FROM = 20_000
FREE_PORTS_TO = 32_000
# Supervisors that start at the same time have different process ids, so each searches in a block of its own.
FREE_PORTS_BLOCK = 16

PLACEHOLDER = re.compile(r"\{(\w+_port)\}")


class PortTakenError(ConfigurationError):
    """A port is in use; the message names its setting, who has it if that is known, and the fix."""


@dataclass(frozen=True)
class ConfiguredPort:
    """A port of the settings file. `name` with `_port` after it is its placeholder; 0: any free one."""

    name: str
    setting: str
    number: int


def configured_ports(configuration: Configuration) -> list[ConfiguredPort]:
    """Every port of `configuration`. Raises ConfigurationError where an app has the name of another service."""
    ports = []
    for section in ("service_bus", "cosmos", "gateway"):
        if (service := getattr(configuration, section)) is not None:
            ports.append(ConfiguredPort(section, f"{section}.port", service.port))
    if (azurite := configuration.azurite) is not None:
        for part in ("blob", "queue", "table"):
            ports.append(ConfiguredPort(f"azurite_{part}", f"azurite.{part}_port", getattr(azurite, f"{part}_port")))
    for name, app in configuration.apps.items():
        if name == "azurite" or any(port.name == name for port in ports):
            raise ConfigurationError(f"apps.{name}: this is the name of another service; give the app another one")
        ports.append(ConfiguredPort(name, f"apps.{name}.port", app.port))
    return ports


def assign_ports(
    configured: list[ConfiguredPort], *, all_free: bool, not_started: Container[str] = ()
) -> dict[str, int]:
    """The port of each name: the configured one, or a free one. Raises PortTakenError; ConfigurationError.

    The ports that `not_started` names may be taken: something else may listen there in place of the service.
    """
    next_free = free_ports()
    assigned: dict[str, int] = {}
    for port in configured:
        if all_free or port.number == 0:
            assigned[port.name] = next_free()
            continue
        if port.number in assigned.values():
            raise ConfigurationError(f"{port.setting}: another service has port {port.number} already; choose another")
        if port.name not in not_started and (reason := why_taken(port.number)) is not None:
            raise PortTakenError(
                f"port {port.number} ({port.setting}) {reason}. "
                f"End that program, set another {port.setting} in the settings file, or start with --free-ports."
            )
        assigned[port.name] = port.number
    return assigned


def free_ports() -> Callable[[], int]:
    """A function that returns another free port at each call."""
    blocks = (FREE_PORTS_TO - FREE_PORTS_FROM) // FREE_PORTS_BLOCK
    candidates = iter(range(FREE_PORTS_FROM + os.getpid() % blocks * FREE_PORTS_BLOCK, FREE_PORTS_TO + 1000))
    return lambda: next(port for port in candidates if why_taken(port) is None)


def why_taken(port: int) -> str | None:
    """Why nothing can listen on `port` now; None: it is free."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen(1)
        except OSError as error:
            return (
                f"is taken{_by_whom(port)}" if error.errno == errno.EADDRINUSE else f"cannot be used: {error.strerror}"
            )
    return None


async def accepts(port: int) -> bool:
    """Whether something listens on `port`."""
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
            _, writer = await asyncio.open_connection(HOST, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


def _by_whom(port: int) -> str:
    try:
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN and connection.laddr[1:] == (port,)
            if listens and connection.pid is not None:
                return f" by {psutil.Process(connection.pid).name()} (process {connection.pid})"
    except psutil.Error:
        # Another user's process, or macOS, which tells this only to root.
        pass
    return " by another program"


def resolve(text: str, ports: Mapping[str, int], setting: str) -> str:
    """`text` with its `{…_port}` placeholders replaced. Raises ConfigurationError for an unknown one."""

    def number(match: re.Match[str]) -> str:
        name = match[1].removesuffix("_port")
        if name not in ports:
            known = ", ".join(f"{{{known}_port}}" for known in ports)
            raise ConfigurationError(f"{setting}: {{{match[1]}}} is unknown; there are {known}")
        return str(ports[name])

    return PLACEHOLDER.sub(number, text)
