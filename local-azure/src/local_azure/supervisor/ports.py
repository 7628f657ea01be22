"""Assigns ports to services, and finds out who uses a port that is taken."""

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

# What `localhost` means first on most systems.
HOST_IPV6 = "::1"
CONNECT_TIMEOUT_SECONDS = 1.0
# Below the ephemeral ports of Linux (from 32768) and macOS (from 49152), so that no outgoing connection occupies the
# port of a service while that is stopped.
FREE_PORTS_FROM = 20_000
FREE_PORTS_TO = 32_000
# Supervisors that start at the same time have different process ids: each searches in a block of its own.
FREE_PORTS_BLOCK = 16

# Azurite has three ports, and `supervisor` is the name of the supervisor's log.
RESERVED_NAMES = ("azurite", "supervisor")

PLACEHOLDER = re.compile(r"\{(\w+_port)\}")


class PortTakenError(ConfigurationError):
    """A port is in use; the message names its setting, the process that uses it if known, and the fix."""


@dataclass(frozen=True)
class ConfiguredPort:
    """A port of the settings file. Its placeholder is `{NAME_port}`; `number` 0: any free one."""

    name: str
    setting: str
    number: int


def configured_ports(configuration: Configuration) -> list[ConfiguredPort]:
    """Every port of `configuration`. Raises ConfigurationError if an app or process has the name of another service."""
    ports = []
    sections = ["service_bus", "cosmos", *(["identity"] if configuration.has_identities else []), "gateway"]
    for section in sections:
        if (service := getattr(configuration, section)) is not None:
            ports.append(ConfiguredPort(section, f"{section}.port", service.port))
    if (azurite := configuration.azurite) is not None:
        for part in ("blob", "queue", "table"):
            ports.append(ConfiguredPort(f"azurite_{part}", f"azurite.{part}_port", getattr(azurite, f"{part}_port")))
    for section, named in (("processes", configuration.processes), ("apps", configuration.apps)):
        for name, service in named.items():
            if name in RESERVED_NAMES or any(port.name == name for port in ports):
                raise ConfigurationError(f"{section}.{name}: another service has this name; choose another one")
            ports.append(ConfiguredPort(name, f"{section}.{name}.port", service.port))
    return ports


def assign_ports(
    configured: list[ConfiguredPort], *, all_free: bool, not_started: Container[str] = ()
) -> dict[str, int]:
    """The port of each name: the configured one, or a free one. Raises PortTakenError; ConfigurationError.

    The ports that `not_started` names may be in use: something else may be listening in place of the service.
    """
    next_free = free_ports()
    assigned: dict[str, int] = {}
    for port in configured:
        if all_free or port.number == 0:
            assigned[port.name] = next_free()
            continue
        if port.number in assigned.values():
            raise ConfigurationError(f"{port.setting}: another service already has port {port.number}; choose another")
        if port.name not in not_started and (reason := why_taken(port.number)) is not None:
            raise PortTakenError(
                f"port {port.number} ({port.setting}) {reason}. "
                f"End that program, set another {port.setting} in the settings file, or start with --free-ports."
            )
        assigned[port.name] = port.number
    return assigned


def shadowed(configured: list[ConfiguredPort], assigned: Mapping[str, int]) -> list[str]:
    """A warning for each port where `localhost` leads to another program, which listens on ::1 only."""
    return [
        f"Another program{_known_owner(number)} listens on [::1]:{number}, and `localhost:{number}` may lead there. "
        f"Call 127.0.0.1:{number}, end that program, or set another {port.setting}."
        for port in configured
        if (number := assigned[port.name]) and _answers_on_ipv6(number)
    ]


def _answers_on_ipv6(port: int) -> bool:
    try:
        with socket.create_connection((HOST_IPV6, port), CONNECT_TIMEOUT_SECONDS):
            return True
    except TimeoutError:
        # It listens, but is too busy to accept connections.
        return True
    except OSError:
        # Nothing listens, or this machine has no IPv6.
        return False


def free_ports() -> Callable[[], int]:
    """Returns a function that returns another free port on each call."""
    blocks = (FREE_PORTS_TO - FREE_PORTS_FROM) // FREE_PORTS_BLOCK
    candidates = iter(range(FREE_PORTS_FROM + os.getpid() % blocks * FREE_PORTS_BLOCK, FREE_PORTS_TO + 1000))
    return lambda: next(port for port in candidates if why_taken(port) is None and not _answers_on_ipv6(port))


def why_taken(port: int) -> str | None:
    """The reason why nothing can listen on `port`; None: it is free."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen(1)
        except OSError as error:
            return f"is taken{_owner(port)}" if error.errno == errno.EADDRINUSE else f"cannot be used: {error.strerror}"
    return None


async def accepts(port: int) -> bool:
    """Whether `port` accepts a connection."""
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
            _, writer = await asyncio.open_connection(HOST, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


async def is_healthy(port: int, path: str) -> bool:
    """Whether a GET of `path` is answered 200."""
    request = f"GET {path} HTTP/1.1\r\nHost: {HOST}:{port}\r\nConnection: close\r\n\r\n"
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
            reader, writer = await asyncio.open_connection(HOST, port)
            try:
                writer.write(request.encode("ascii"))
                # `HTTP/1.1 200 OK` (RFC 9112 §4).
                return (await reader.readline()).split(b" ")[1:2] == [b"200"]
            finally:
                writer.close()
    except (OSError, TimeoutError, ValueError):
        # ValueError: a line without an end.
        return False


def _owner(port: int) -> str:
    return f" by {known}" if (known := _listener(port)) else " by another program"


def _known_owner(port: int) -> str:
    return f", {known}," if (known := _listener(port)) else ""


def _listener(port: int) -> str:
    """The name and id of the process that listens on `port`; empty if they cannot be found out."""
    try:
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN and connection.laddr[1:] == (port,)
            if listens and connection.pid is not None:
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    except psutil.Error:
        # Another user's process; or macOS, where this needs root.
        pass
    return ""


def resolve(text: str, ports: Mapping[str, int], setting: str) -> str:
    """`text` with its `{…_port}` placeholders replaced. Raises ConfigurationError for an unknown one."""

    def number(match: re.Match[str]) -> str:
        name = match[1].removesuffix("_port")
        if name not in ports:
            placeholders = ", ".join(f"{{{port}_port}}" for port in ports)
            raise ConfigurationError(f"{setting}: {{{match[1]}}} is unknown; there are {placeholders}")
        return str(ports[name])

    return PLACEHOLDER.sub(number, text)
