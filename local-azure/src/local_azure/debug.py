"""`python -m local_azure.debug APP`: runs a function app of the running stack in this process, for a debugger.

The app has the same port and settings as under the supervisor. Stop it there first, with `local-azure stop APP`, and
start it again at the end, with `local-azure start APP`.
"""

import argparse
import os
import sys
from pathlib import Path

from local_azure.configuration import DEFAULT_STATE, Configuration, ConfigurationError
from local_azure.functions_host.__main__ import main as run_host
from local_azure.stack import Stack
from local_azure.supervisor.plan import StackLayout, plan
from local_azure.supervisor.services import Service, StackError

FAILED = 1


def main(arguments: list[str] | None = None) -> int:
    """Runs the host until SIGTERM or SIGINT, which ends the process. Returns the exit code of a failed start."""
    parser = argparse.ArgumentParser(prog="python -m local_azure.debug", description=__doc__)
    parser.add_argument("app", help="the name that `local-azure status` shows")
    parser.add_argument("--state", type=Path, default=DEFAULT_STATE, help="the state folder of the running stack")
    options = parser.parse_args(arguments)
    try:
        service = app_of_stack(options.app, Stack(options.state))
        environment = {**service.environment, **service.settings()}
    except (StackError, ConfigurationError) as error:
        sys.stderr.write(f"{error}\n")
        return FAILED
    os.environ.update(environment)
    _python, _m, _module, *host_options = service.command
    [port] = service.ports
    return run_host([*host_options, "--port", str(port)])


def app_of_stack(name: str, stack: Stack) -> Service:
    """The service that the supervisor runs as the app `name`. Raises StackError; ConfigurationError."""
    running = stack.running
    configuration = Configuration.load(running.config)
    if name not in configuration.apps:
        raise StackError(f"there is no function app {name!r}; there are {', '.join(configuration.apps)}")
    layout = StackLayout(running.config, stack.state.folder, running.assigned_ports, running.settings)
    services = plan(configuration, layout)
    return next(service for service in services if service.name == name)


if __name__ == "__main__":
    sys.exit(main())
