"""`python -m local_azure.cosmos --config local-azure.toml --state .local-azure [--port N]`."""

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

from local_azure.configuration import DEFAULT_FILE, DEFAULT_STATE, Configuration, ConfigurationError, CosmosSection
from local_azure.cosmos.definitions import ContainersFileError, CosmosContainer, read_containers
from local_azure.cosmos.errors import CosmosError
from local_azure.cosmos.server import CosmosEmulator
from local_azure.cosmos.store.storage import InUseError
from local_azure.listening import inherited_socket
from local_azure.movable_clock import MovableClock, move_at_signal, read_seconds_ahead

_WRONG_SETTINGS = 2


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m local_azure.cosmos", description="An emulator of Cosmos DB for NoSQL."
    )
    parser.add_argument("--config", type=Path, default=DEFAULT_FILE, help="the settings file (default: %(default)s)")
    parser.add_argument(
        "--state", type=Path, default=DEFAULT_STATE, help="the folder for the database (default: %(default)s)"
    )
    parser.add_argument("--port", type=int, help="0: a free one; default: the port in the settings file")
    parser.add_argument("--socket", type=int, metavar="FD", help="an inherited socket that listens, instead of --port")
    return parser.parse_args()


async def _serve(containers: list[CosmosContainer], key: str, state: Path, port: int | socket.socket) -> None:
    clock = MovableClock(read_seconds_ahead(state))
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with CosmosEmulator(containers, state / "cosmos.sqlite3", port, key, clock.seconds) as emulator:
        move_at_signal(state, clock.move)
        sys.stdout.write(f"ready {emulator.url}\n")
        sys.stdout.flush()
        await stopped.wait()


def main() -> int:
    """Returns the exit code: 0 after SIGTERM or SIGINT, 2 if it cannot start with these settings."""
    arguments = _arguments()
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        configuration = Configuration.load(arguments.config)
        section = configuration.cosmos or CosmosSection()
        containers = read_containers(configuration.folder / section.containers) if section.containers else []
        port = section.port if arguments.port is None else arguments.port
        listens = port if arguments.socket is None else inherited_socket(arguments.socket)
        uvloop.run(_serve(containers, section.key, arguments.state, listens))
    except (ConfigurationError, ContainersFileError) as error:
        problem = str(error)
    except CosmosError as error:
        problem = f"{configuration.folder / (section.containers or '')}: {error.message}"
    except ValueError as error:
        problem = f"{arguments.config}: cosmos.key: {error}"
    except InUseError:
        problem = _used(arguments.state)
    except sqlite3.Error as error:
        # An older version locks the database itself.
        busy = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY
        problem = _used(arguments.state) if busy else _unusable(arguments.state, f"{error}; delete the file")
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        problem = f"cosmos.port: port {port} is taken; free it, or choose another with --port (0: a free one)"
    else:
        return 0
    sys.stderr.write(problem + "\n")
    return _WRONG_SETTINGS


def _used(state: Path) -> str:
    return _unusable(state, "another process is using it; stop that process")


def _unusable(state: Path, reason: str) -> str:
    return f"{state}/cosmos.sqlite3: {reason}, or choose another folder with --state"


if __name__ == "__main__":
    sys.exit(main())
