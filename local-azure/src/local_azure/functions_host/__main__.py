"""`python -m local_azure.functions_host --app FOLDER --port N --name NAME`."""

import argparse
import asyncio
import logging
import os
import signal
import sys
from pathlib import Path
from typing import TextIO

import uvloop

from local_azure.configuration import DEFAULT_STATE, ConfigurationError
from local_azure.functions_host import logs
from local_azure.functions_host.app_settings import is_true
from local_azure.functions_host.errors import StartError
from local_azure.functions_host.host import DEFAULT_GRACE, Host, Options, prepare
from local_azure.telemetry.process import EndTelemetry, start_telemetry
from local_azure.telemetry.settings import TelemetrySettings

WRONG_CONFIGURATION = 2


def main(arguments: list[str] | None = None) -> int:
    """Runs the host until SIGTERM or SIGINT, which ends the process. Returns the exit code of a failed start."""
    parser = argparse.ArgumentParser(prog="python -m local_azure.functions_host", description=__doc__)
    parser.add_argument("--app", type=Path, default=Path(), help="the folder of function_app.py and host.json")
    parser.add_argument("--port", type=int, help="HTTP port; 0 for a free one (default: LocalHttpPort, else 7071)")
    parser.add_argument("--name", help="the app's name: whose change feed leases and timers these are")
    parser.add_argument("--state", type=Path, default=DEFAULT_STATE, help="the folder of what survives a restart")
    parser.add_argument("--enable-auth", action="store_true", help="enforce access keys, as on Azure")
    parser.add_argument("--grace", type=float, default=DEFAULT_GRACE, help="seconds for what runs to end (%(default)s)")
    parser.add_argument("--verbose", action="store_true", help="log every invocation and every stack trace")
    given = parser.parse_args(arguments)
    app = given.app.resolve()
    options = Options(app, given.name or app.name, given.state.resolve(), given.port, given.enable_auth, given.grace)
    announce = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    sys.stdout = sys.stderr  # what an app prints must not get between the lines a supervisor reads
    try:
        host_json, settings = prepare(options)
        logs.configure(host_json.logging.log_level, verbose=given.verbose)
        end_telemetry = _start_telemetry(options.name)
        os.chdir(app)
        uvloop.run(_run(Host(options, host_json, settings), announce, end_telemetry))
    except (StartError, ConfigurationError) as error:
        sys.stderr.write(f"{error}\n")
    return WRONG_CONFIGURATION


def _start_telemetry(name: str) -> EndTelemetry:
    """As on Azure: the worker exports by itself where it is told to, and keeps to the host's traces otherwise."""
    os.environ.setdefault("OTEL_SERVICE_NAME", name)
    if is_true("PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY"):
        if "InstrumentationKey=" not in os.environ.get("APPLICATIONINSIGHTS_CONNECTION_STRING", ""):
            raise ConfigurationError(
                "APPLICATIONINSIGHTS_CONNECTION_STRING: has to be a connection string (InstrumentationKey=…) where "
                "PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY is true"
            )
        return start_telemetry(name, TelemetrySettings())
    wanted = TelemetrySettings.load()
    if wanted.any:
        os.environ.setdefault("PYTHON_ENABLE_OPENTELEMETRY", "true")
    return start_telemetry(name, wanted)


async def _run(host: Host, announce: TextIO, end_telemetry: EndTelemetry) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, host.stop)

    def ready(url: str) -> None:
        announce.write(f"ready {url}\n")
        announce.flush()

    await host.run(ready)
    end_telemetry()
    # What still runs is left: a thread cannot be ended, and must not keep the process.
    logging.shutdown()
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
