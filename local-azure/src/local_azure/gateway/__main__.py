"""`python -m local_azure.gateway --config local-azure.toml --port 8080 --upstream orders=http://127.0.0.1:7071`."""

import argparse
import logging
import socket
import sys
from pathlib import Path

import uvloop

from local_azure.configuration import DEFAULT_FILE, Configuration, ConfigurationError
from local_azure.gateway.proxy import Gateway
from local_azure.gateway.routing import RouteTable
from local_azure.gateway.server import Ending, serve
from local_azure.http_server import on_end_signals
from local_azure.listening import HOST, inherited_socket, listening_socket
from local_azure.telemetry.process import start_telemetry
from local_azure.telemetry.settings import TelemetrySettings


def main() -> int:
    arguments = _arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    try:
        configuration = Configuration.load(arguments.config)
        upstreams = _upstreams(arguments.upstream)
        section = configuration.gateway_to(upstreams)
        routes = RouteTable({prefix: upstreams[app] for prefix, app in section.routes.items()})
        telemetry = TelemetrySettings.load()
    except ConfigurationError as error:
        return _refuse(str(error))
    port = arguments.port if arguments.port is not None else section.port
    try:
        listener = listening_socket(port) if arguments.socket is None else inherited_socket(arguments.socket)
    except OSError as error:
        named = f"port {port}" if arguments.socket is None else f"--socket {arguments.socket}"
        return _refuse(f"{named}: {error.strerror}; choose another with --port or gateway.port")
    end_telemetry = start_telemetry("gateway", telemetry)
    gateway = Gateway(routes, section, tracing=telemetry.traces != "none")
    uvloop.run(_serve_until_signal(gateway, listener))
    end_telemetry()
    return 0


async def _serve_until_signal(gateway: Gateway, listener: socket.socket) -> None:
    ending = Ending()
    on_end_signals(ending.drain, ending.hurry)

    def ready() -> None:
        sys.stdout.write(f"ready http://{HOST}:{listener.getsockname()[1]}\n")
        sys.stdout.flush()

    await serve(gateway, listener, ending, ready)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local_azure.gateway", description=__doc__)
    parser.add_argument("--config", type=Path, default=DEFAULT_FILE, help="the settings file, with the routes")
    listening = parser.add_mutually_exclusive_group()
    listening.add_argument("--port", type=int, help="0: a free one; default: gateway.port in the settings file")
    listening.add_argument("--socket", type=int, metavar="FD", help="an inherited listening socket, instead of a port")
    parser.add_argument(
        "--upstream", action="append", default=[], metavar="APP=URL", help="where an app listens; may be repeated"
    )
    return parser.parse_args()


def _upstreams(upstreams: list[str]) -> dict[str, str]:
    named = dict(upstream.partition("=")[::2] for upstream in upstreams)
    for name, url in named.items():
        if not url.startswith("http://"):
            raise ConfigurationError(f"--upstream {name}={url}: write it as APP=http://127.0.0.1:PORT")
    return named


def _refuse(reason: str) -> int:
    sys.stderr.write(f"gateway: {reason}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main())
