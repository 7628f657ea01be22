"""`python -m local_azure.service_bus`: serves the entities of a settings file until SIGTERM or SIGINT."""

import argparse
import asyncio
import errno
import logging
import signal
import socket
import sqlite3
import sys
from pathlib import Path

import uvloop

from local_azure.configuration import DEFAULT_FILE, DEFAULT_STATE, Configuration, ConfigurationError
from local_azure.listening import HOST, inherited_socket
from local_azure.movable_clock import MovableClock, move_at_signal, read_seconds_ahead
from local_azure.service_bus.entities import EntitiesError
from local_azure.service_bus.server import ServiceBusEmulator, StateInUseError

DATABASE = "service-bus.sqlite3"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local_azure.service_bus", description=__doc__)
    parser.add_argument("--config", type=Path, default=DEFAULT_FILE, help="settings file (default: %(default)s)")
    parser.add_argument("--state", type=Path, default=DEFAULT_STATE, help="folder of the database")
    parser.add_argument("--port", type=int, help="port; 0 for a free one (default: that of the settings file)")
    parser.add_argument("--socket", type=int, metavar="FD", help="an inherited socket that listens, instead of --port")
    return parser.parse_args()


async def _serve(entities: Path, state: Path, port: int | socket.socket) -> None:
    clock = MovableClock(read_seconds_ahead(state))
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with ServiceBusEmulator.running(entities, state / DATABASE, port, clock) as emulator:
        move_at_signal(state, emulator.move_clock)
        print(f"ready amqp://{HOST}:{emulator.port}", flush=True)  # noqa: T201 - the supervisor waits for it
        await stopping.wait()


def _run(arguments: argparse.Namespace) -> None:
    configuration = Configuration.load(arguments.config)
    section = configuration.service_bus
    if section is None:
        raise ConfigurationError(f"{arguments.config}: there is no [service_bus]")
    port = section.port if arguments.port is None else arguments.port
    try:
        arguments.state.mkdir(parents=True, exist_ok=True)
        listens = port if arguments.socket is None else inherited_socket(arguments.socket)
        uvloop.run(_serve(configuration.folder / section.entities, arguments.state, listens))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            reason = f"port {port} is taken: stop the process that uses it, or choose another with --port"
        else:
            reason = f"{error}: choose another folder with --state, or another port with --port"
        raise ConfigurationError(reason) from None
    except sqlite3.Error as error:
        raise ConfigurationError(
            f"{arguments.state / DATABASE}: {error}: remove it, or choose another folder with --state"
        ) from None


def main() -> int:
    """Returns the exit code: 2 for wrong settings or entities, a taken port or an unusable state folder."""
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s service-bus: %(message)s"
    )
    try:
        _run(_arguments())
    except (ConfigurationError, EntitiesError, StateInUseError) as error:
        print(error, file=sys.stderr)  # noqa: T201 - for the person at the terminal
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
