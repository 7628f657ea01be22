"""`python -m local_azure.functions_host --app FOLDER --port N --name NAME`."""

import argparse
import asyncio
import logging
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TextIO

import uvloop

from local_azure.announcements import FAILED
from local_azure.configuration import DEFAULT_STATE, ConfigurationError
from local_azure.functions_host import logs
from local_azure.functions_host.app_settings import is_true
from local_azure.functions_host.errors import StartError
from local_azure.functions_host.host import DEFAULT_GRACE, Announce, Host, Options, load_settings
from local_azure.http_server import on_end_signals
from local_azure.telemetry.process import EndTelemetry, start_telemetry
from local_azure.telemetry.settings import TelemetrySettings

WRONG_CONFIGURATION = 2


def main(arguments: list[str] | None = None) -> int:
    """Runs the host until SIGTERM or SIGINT, which end the process. Returns the exit code of a failed start."""
    parsed = _parser().parse_args(arguments)
    app = parsed.app.resolve()
    options = Options(
        app=app,
        name=parsed.name or app.name,
        state=parsed.state.resolve(),
        port=parsed.port,
        enable_auth=parsed.enable_auth,
        grace=parsed.grace,
        socket=parsed.socket,
        standby=parsed.standby,
        first=parsed.first,
        audience=parsed.audience,
        anonymous=not parsed.no_anonymous,
        arguments=tuple(sys.argv[1:] if arguments is None else arguments),
    )
    announce = _announcing(os.fdopen(os.dup(sys.stdout.fileno()), "w"))
    sys.stdout = sys.stderr  # the supervisor reads stdout: what an app prints goes to the log
    try:
        host_json, settings = load_settings(options)
        logs.configure(host_json.logging.log_level, verbose=parsed.verbose)
        end_telemetry = _start_telemetry(options.name)
        os.chdir(app)
        uvloop.run(_run(Host(options, host_json, settings), announce, end_telemetry))
    except (StartError, ConfigurationError) as error:
        sys.stderr.write(f"{error}\n")
        announce(f"{FAILED} {error}")
    return WRONG_CONFIGURATION


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local_azure.functions_host", description=__doc__)
    parser.add_argument("--app", type=Path, default=Path(), help="folder of function_app.py (default: the current one)")
    parser.add_argument("--port", type=int, help="HTTP port; 0 for a free one (default: LocalHttpPort, else 7071)")
    parser.add_argument("--socket", type=int, metavar="FD", help="an inherited socket that listens, instead of --port")
    parser.add_argument("--name", help="name of the app, which owns leases and timers (default: the folder's)")
    parser.add_argument("--state", type=Path, default=DEFAULT_STATE, help="folder of the state (default: %(default)s)")
    parser.add_argument("--standby", action="store_true", help="start the listeners only at SIGUSR1")
    parser.add_argument("--first", metavar="URL", help="serve HTTP beside the process at URL, until stdin is closed")
    parser.add_argument("--enable-auth", action="store_true", help="enforce access keys, as on Azure")
    parser.add_argument("--audience", metavar="AUD", help="verify the tokens of callers, which must be for AUD")
    parser.add_argument("--no-anonymous", action="store_true", help="with --audience: refuse callers without a token")
    parser.add_argument(
        "--grace", type=float, default=DEFAULT_GRACE, help="grace period of running functions in seconds (%(default)s)"
    )
    parser.add_argument("--verbose", action="store_true", help="log every invocation and every stack trace")
    return parser


def _announcing(supervisor: TextIO) -> Announce:
    def announce(line: str) -> None:
        with suppress(BrokenPipeError):  # the supervisor has gone, and this process will go
            supervisor.write(f"{line}\n")
            supervisor.flush()

    return announce


def _start_telemetry(name: str) -> EndTelemetry:
    """As on Azure: either the worker exports to Application Insights by itself, or it continues the host's traces."""
    os.environ.setdefault("OTEL_SERVICE_NAME", name)
    if is_true("PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY"):
        if "InstrumentationKey=" not in os.environ.get("APPLICATIONINSIGHTS_CONNECTION_STRING", ""):
            raise ConfigurationError(
                "APPLICATIONINSIGHTS_CONNECTION_STRING: must be a connection string (InstrumentationKey=…) if "
                "PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY is true"
            )
        return start_telemetry(name, TelemetrySettings())
    settings = TelemetrySettings.load()
    if settings.any:
        os.environ.setdefault("PYTHON_ENABLE_OPENTELEMETRY", "true")
    return start_telemetry(name, settings)


async def _run(host: Host, announce: Announce, end_telemetry: EndTelemetry) -> None:
    on_end_signals(host.stop, host.hurry)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, host.take_over)
    loop.add_signal_handler(signal.SIGUSR2, host.read_clock)
    if host.is_further:
        loop.add_reader(sys.stdin.fileno(), _stop_when_stdin_closes, host)
    await host.run(announce)
    end_telemetry()
    # Threads of functions that still run cannot be stopped and would keep the process alive.
    logging.shutdown()
    os._exit(0)


def _stop_when_stdin_closes(host: Host) -> None:
    if not os.read(sys.stdin.fileno(), 1):
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        host.stop()


if __name__ == "__main__":
    sys.exit(main())
