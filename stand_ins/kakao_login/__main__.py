"""Stands in for Kakao Login.

`python -m stand_ins.kakao_login serve --redirect-uri URI`  runs it, on this machine only, until SIGTERM or Ctrl-C
`python -m stand_ins.kakao_login rotate`                    makes it sign with a new key
`python -m stand_ins.kakao_login faults '{"status": 503}'`  makes it fail; `'{}'` heals it; see stand_ins/README.md
Exit code 0: done; 1: the stand-in cannot be reached, or refuses; 2: wrong arguments.
"""

import argparse
import asyncio
import sys
from typing import Final

import aiohttp
from aiohttp import web

from stand_ins.kakao_login.server import (
    DEFAULT_CLIENT_ID,
    DEFAULT_CLIENT_SECRET,
    DEFAULT_PORT,
    HOST,
    KakaoStandIn,
    Registered,
)

# Far beyond what it takes to make a key.
CALL_SECONDS: Final = 10
STOP_SECONDS: Final = 1


class StandInError(Exception):
    """The stand-in did not do it."""


async def _call(port: int, method: str, path: str, body: str | None = None) -> str:
    url = f"http://{HOST}:{port}{path}"
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=CALL_SECONDS)) as session,
            session.request(method, url, data=body) as response,
        ):
            content = await response.text()
    except (aiohttp.ClientError, OSError, TimeoutError):
        raise StandInError(f"nothing answers at {url}: start it first, or name another --port") from None
    if response.status >= 300:
        raise StandInError(f"it answered {response.status}: {content}")
    return content


def _serve(options: argparse.Namespace) -> None:
    app = Registered(
        options.client_id,
        options.client_secret,
        options.redirect_uri,
        options.logout_redirect_uri,
        options.consent_item or ["profile_nickname"],
    )
    web.run_app(
        KakaoStandIn(options.port, app).app(),
        host=HOST,
        port=options.port,
        shutdown_timeout=STOP_SECONDS,
        print=None,
        access_log=None,  # paths of the sign-in have codes in them
    )


def _options(arguments: list[str] | None) -> argparse.Namespace:
    options = argparse.ArgumentParser(
        "python -m stand_ins.kakao_login", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = options.add_subparsers(dest="command", required=True)
    serve, rotate, faults = (commands.add_parser(name) for name in ("serve", "rotate", "faults"))
    for command in (serve, rotate, faults):
        command.add_argument("--port", type=int, default=DEFAULT_PORT)
    serve.add_argument("--client-id", default=DEFAULT_CLIENT_ID, help="the app's REST API key")
    serve.add_argument("--client-secret", default=DEFAULT_CLIENT_SECRET)
    repeatable = "may be given several times"
    serve.add_argument("--redirect-uri", action="append", default=[], metavar="URI", help=repeatable)
    serve.add_argument("--logout-redirect-uri", action="append", default=[], metavar="URI", help=repeatable)
    serve.add_argument(
        "--consent-item", action="append", default=[], metavar="ID", help=f"{repeatable}; default: profile_nickname"
    )
    faults.add_argument("faults", help="JSON; without it, what is set now", nargs="?")
    return options.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Runs a command, and returns its exit code."""
    options = _options(arguments)
    try:
        match options.command:
            case "serve":
                _serve(options)
            case "rotate":
                asyncio.run(_call(options.port, "POST", "/stand-in/rotate"))
            case _:
                method = "GET" if options.faults is None else "PUT"
                sys.stdout.write(f"{asyncio.run(_call(options.port, method, '/stand-in/faults', options.faults))}\n")
    except StandInError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
