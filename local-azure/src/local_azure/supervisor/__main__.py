"""A supervisor without a terminal, for `up --detach` and `Stack.start`.

Until the stack is up, it prints JSON lines: `{"event": …}`, and at last `{"up": true}` or `{"error": "…", "exit": N}`.
"""

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path

from local_azure.configuration import ConfigurationError
from local_azure.os_errors import explained
from local_azure.supervisor.events import Event, Report, json_line
from local_azure.supervisor.journal import NAME, journal
from local_azure.supervisor.lifecycle import StackOptions, prepare, run
from local_azure.supervisor.services import StackError
from local_azure.supervisor.state_folder import Running, StateFolder
from local_azure.supervisor.supervisor import ServiceStatus


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local_azure.supervisor", description=__doc__)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--only", action="append", default=[], metavar="SERVICE")
    parser.add_argument("--free-ports", action="store_true")
    parser.add_argument("--reload", action="store_true")
    parser.add_argument("--settings", type=Path)
    parser.add_argument("--end-with-parent", action="store_true", help="end when stdin is closed")
    arguments = parser.parse_args()
    state = StateFolder(arguments.state)
    try:
        options = StackOptions(
            arguments.config, arguments.only, arguments.free_ports, arguments.reload, arguments.settings
        )
        prepared = prepare(options, state, _write_event)
        with journal(state) as record:
            listeners: list[Report] = [record, _write_event]

            def on_up(_running: Running, _services: list[ServiceStatus]) -> None:
                listeners.remove(_write_event)
                _redirect_output(state)
                if arguments.end_with_parent:
                    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), _end_when_stdin_closes)

            asyncio.run(run(prepared, listeners, on_up))
    except ConfigurationError as error:
        return _fail(str(error), 2)
    except StackError as error:
        return _fail(str(error), 1)
    except OSError as error:
        return _fail(explained(error), 1)
    return 0


def _write_event(event: Event) -> None:
    _write({"event": event.to_json()})


def _redirect_output(state: StateFolder) -> None:
    _write({"up": True})
    # The process that started this one stops reading, and may be waiting for both to be closed.
    log = os.open(state.log_file(NAME), os.O_WRONLY | os.O_APPEND)
    os.dup2(log, sys.stdout.fileno())
    os.dup2(log, sys.stderr.fileno())
    os.close(log)


def _end_when_stdin_closes() -> None:
    if not os.read(sys.stdin.fileno(), 1):
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        os.kill(os.getpid(), signal.SIGTERM)


def _fail(reason: str, code: int) -> int:
    _write({"error": reason, "exit": code})
    return code


def _write(document: object) -> None:
    sys.stdout.buffer.write(json_line(document))
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
