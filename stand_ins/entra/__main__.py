"""Stands in for Entra ID.

`python -m stand_ins.entra serve --port 9100`     runs it, on this machine only, until SIGTERM or Ctrl-C
`python -m stand_ins.entra token --role Operator` prints an access token; without `--role`, of somebody without a role
`python -m stand_ins.entra rotate`                makes it sign with a new key
Exit code 0: done; 1: the stand-in cannot be reached, or refuses; 2: wrong arguments.
"""

import argparse
import asyncio
import json
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import aiohttp
from aiohttp import web

from stand_ins.entra.authorization import Client
from stand_ins.entra.federation import FederatedCredential
from stand_ins.entra.server import (
    DEFAULT_AUDIENCE,
    DEFAULT_PORT,
    DEFAULT_TENANT,
    HOST,
    ROTATE_PATH,
    SCOPE_END,
    EntraStandIn,
)

# Far beyond what it takes to make a key.
CALL_SECONDS: Final = 10
STOP_SECONDS: Final = 1


class StandInError(Exception):
    """The stand-in did not do it."""


async def _post(options: argparse.Namespace, path: str, form: Sequence[tuple[str, str]] = ()) -> bytes:
    url = f"http://{HOST}:{options.port}{path}"
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=CALL_SECONDS)) as session,
            session.post(url, data=aiohttp.FormData(form)) as response,
        ):
            content = await response.read()
    except (aiohttp.ClientError, OSError, TimeoutError):
        raise StandInError(f"nothing answers at {url}: start it first, or name another --port") from None
    if response.status >= 300:
        raise StandInError(f"it answered {response.status}: {content.decode(errors='replace')}")
    return content


async def _token(options: argparse.Namespace) -> str:
    form = [
        ("grant_type", "password"),
        ("client_id", options.audience),
        ("username", options.user),
        ("password", "any"),
        ("scope", f"{options.audience}{SCOPE_END}"),
        *(("role", role) for role in options.role),
    ]
    answer = await _post(options, f"/{options.tenant}/oauth2/v2.0/token", form)
    return str(json.loads(answer)["access_token"])


def _serve(options: argparse.Namespace) -> None:
    client = Client(options.audience, options.redirect_uri, _credential(options))
    stand_in = EntraStandIn(options.port, options.tenant, client)
    web.run_app(
        stand_in.app(),
        host=HOST,
        port=options.port,
        shutdown_timeout=STOP_SECONDS,
        print=None,
        access_log=None,  # it would have nothing but paths
    )


def _credential(options: argparse.Namespace) -> FederatedCredential | None:
    if options.federated_key is None:
        return None
    return FederatedCredential(options.federated_issuer, options.federated_subject, options.federated_key)


def _guid(text: str) -> str:
    return str(uuid.UUID(text))


def _options(arguments: list[str] | None) -> argparse.Namespace:
    options = argparse.ArgumentParser(
        "python -m stand_ins.entra", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = options.add_subparsers(dest="command", required=True)
    for name in ("serve", "token", "rotate"):
        command = commands.add_parser(name)
        command.add_argument("--port", type=int, default=DEFAULT_PORT)
        command.add_argument("--tenant", type=_guid, default=DEFAULT_TENANT, metavar="GUID")
        command.add_argument("--audience", default=DEFAULT_AUDIENCE, help="client id of the API")
        if name == "token":
            command.add_argument("--role", action="append", default=[], help="may be given several times")
            command.add_argument("--user", default="yeon", help="the same name is always the same person")
        if name == "serve":
            _add_sign_in(command)
    parsed = options.parse_args(arguments)
    federated = [value for name, value in vars(parsed).items() if name.startswith("federated_")]
    if any(federated) and not all(federated):
        options.error("--federated-issuer, --federated-subject and --federated-key belong together")
    return parsed


def _add_sign_in(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--redirect-uri", action="append", default=[], metavar="URL", help="where people come back to; may be repeated"
    )
    command.add_argument(
        "--federated-issuer", metavar="URL", help="the issuer of the tokens by which the app proves itself"
    )
    command.add_argument("--federated-subject", metavar="ID", help="the managed identity of the app")
    command.add_argument("--federated-key", type=Path, metavar="FILE", help="the public key of that issuer, as PEM")


def main(arguments: list[str] | None = None) -> int:
    """Runs a command, and returns its exit code."""
    options = _options(arguments)
    try:
        match options.command:
            case "serve":
                _serve(options)
            case "token":
                sys.stdout.write(f"{asyncio.run(_token(options))}\n")
            case _:
                asyncio.run(_post(options, ROTATE_PATH))
    except StandInError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
