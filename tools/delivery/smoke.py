"""Plays the scenario's calls against a running system, with synthetic customers that it cancels again.

`python -m tools.delivery.smoke --environment prod`, or `--url https://GATEWAY [--app NAME=URL …]`
Exit code 0: every step went as expected; 1: a step failed; 2: an address or a file is not usable or not known.
It shows only what it registered itself, never what else the system holds.

Where customers sign in (ACCESS=customers), it needs a customer's token to register: --token-file. Without one it tests
that nobody reads or changes anything. On Azure it also calls each app directly: it must refuse calls without a token.
"""

import asyncio
import contextlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from rich.console import Console
from rich.markup import escape

from shared.settings import Access, Service
from tools.command_line import parser
from tools.delivery import outputs, sign_in, smoke_customers, smoke_pages
from tools.delivery.azure_cli import AzureCliError
from tools.delivery.environments import Environment, environment_names
from tools.delivery.outputs import NotDeployedError
from tools.play import probe, steps
from tools.play.apps import APPS
from tools.play.narrator import Narrator, StepFailed
from tools.play.system import Response, System
from tools.play.waiting import wait_until

CALL_SECONDS = 30  # an instance may have to start first
EVENT_SECONDS = 120  # the same holds for the functions that handle events
START_SECONDS = 120  # and for all services after a deployment
SYNTHETIC_CUSTOMERS = (
    {"customerName": "smoke test", "customerAddress": "synthetic", "customerAge": "20"},
    {"customerName": "점검용 고객", "customerAddress": "synthetic", "customerAge": 41},
)


class AddressError(Exception):
    """An address cannot be used. The message says which, with an example."""


@dataclass(frozen=True)
class Tested:
    """What is tested: the gateway's address, and the apps' own where the platform protects them.

    `access`: who may call, as it should be; None: either will do. `token`: a customer's. `pages`: the address of my
    page; empty: the gateway's.
    """

    gateway: str
    apps: Mapping[Service, str] = field(default_factory=dict)
    access: Access | None = None
    token: str | None = field(default=None, repr=False)
    pages: str = ""


def deployed(environment: str) -> Tested:
    """The addresses of an environment on Azure. Raises AddressError, AzureCliError, NotDeployedError."""
    if environment not in (names := environment_names()):
        raise AddressError(
            f"--environment {environment!r}: name one of {', '.join(names)}, or give --url (with make: ENV=… or URL=…)"
        )
    found = outputs.read(Environment(environment))
    apps = {service: app.url for service, app in found.apps.items()}
    return Tested(found.gateway_url, apps, pages=found.my_page_url)


def named(url: str, apps: Sequence[str]) -> Tested:
    """`apps`: NAME=URL. Raises AddressError."""
    split = [(name, _checked("--app", app_url)) for name, _, app_url in (app.partition("=") for app in apps)]
    if unknown := {name for name, _ in split} - set(APPS):
        raise AddressError(f"--app {', '.join(sorted(unknown))}: the apps are {', '.join(APPS)}; name one as NAME=URL")
    return Tested(_checked("--url", url), {Service(name): app_url for name, app_url in split})


def _checked(option: str, url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise AddressError(f"{option} {url!r}: give an address such as https://ssak8.example.org")
    return url


def _token(file: Path) -> str:
    """Raises AddressError."""
    try:
        token = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeError):
        raise AddressError(f"--token-file {file}: there is no such file, or no token in it") from None
    if not token or any(character.isspace() for character in token):
        raise AddressError(f"--token-file {file}: name a file that has a token and nothing else")
    return token


class TrackingSystem(System):
    """A system that remembers the customers it registered and has not cancelled yet."""

    def __init__(self, address: str, http: aiohttp.ClientSession) -> None:
        super().__init__(address, http)
        self.registered: list[str] = []

    async def call(self, method: str, path: str, **options: Any) -> Response:
        response = await super().call(method, path, **options)
        if method == "POST" and response.status == 201:
            self.registered.append(response.headers["Location"].rpartition("/")[2])
        elif method == "DELETE" and response.status == 204:
            self.registered.remove(path.rpartition("/")[2])
        return response

    async def cancel_all(self) -> None:
        """Cancels the remaining customers, as far as the system responds."""
        for customer_id in list(self.registered):
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                await self.call("DELETE", f"/customers/{customer_id}")


async def play(narrator: Narrator[TrackingSystem]) -> None:
    """Raises StepFailed, aiohttp.ClientError and TimeoutError."""
    narrator.step("Synthetic customers register", "가상 고객 등록")
    ids = [await steps.register(narrator, details) for details in SYNTHETIC_CUSTOMERS]
    narrator.step("They are found in all three services", "등록 내역 조회")
    for customer_id in ids:
        await steps.look_up(narrator, customer_id)
    narrator.step("They cancel; the view and the alert follow", "등록 취소와 알림")
    for customer_id in ids:
        await steps.cancel(narrator, customer_id)
        await steps.expect_alert(narrator, customer_id)


async def wait_for_services(url: str, seconds: float) -> None:
    """Raises StepFailed."""
    failures: dict[str, str] = {}

    async def all_answer() -> bool:
        nonlocal failures
        failures = await asyncio.to_thread(probe.failures, url)
        return not failures

    try:
        await wait_until(all_answer, "all services answer", seconds)
    except TimeoutError:
        listed = ", ".join(f"/{collection}: {wrong}" for collection, wrong in failures.items())
        raise StepFailed(f"not all services answered within {seconds:.0f} s ({listed})") from None


async def run(tested: Tested, start_seconds: float, console: Console) -> None:
    """Raises StepFailed, aiohttp.ClientError and TimeoutError."""
    console.print(f"Waiting up to {start_seconds:.0f} s for the three services at {tested.gateway} …")
    await wait_for_services(tested.gateway, start_seconds)
    async with TrackingSystem.at(tested.gateway, CALL_SECONDS) as system:
        narrator = Narrator(system, console, EVENT_SECONDS)
        narrator.step("The apps refuse calls without a token", "토큰 없는 호출 거부")
        if tested.apps:
            await sign_in.expect_refusals(narrator, tested.apps, CALL_SECONDS)
        else:
            narrator.say("Left out: no app is named. Locally there is no platform in front of the apps. On Azure name")
            narrator.say("the environment (--environment prod) or each app (--app customer=https://…).")
        access = await smoke_customers.access_of(system)
        narrator.expect(
            tested.access in (None, access), f"who may call: {access}, expected {tested.access or 'either'}"
        )
        if tested.apps:
            await sign_in.expect_access(narrator, tested.apps, access, CALL_SECONDS)
        await _play_pages(narrator, tested)
        caller = narrator.of("customer", tested.token) if tested.token and access is Access.CUSTOMERS else narrator
        try:
            await _play_as(narrator, caller, access)
        finally:
            await caller.system.cancel_all()
            if system.registered:
                console.print(f"   [red]could not be cancelled:[/] {', '.join(system.registered)}")


async def _play_pages(narrator: Narrator[TrackingSystem], tested: Tested) -> None:
    pages = tested.pages or tested.gateway
    await smoke_pages.play(narrator, pages, expected=Service.WEB in tested.apps, call_seconds=CALL_SECONDS)


async def _play_as(narrator: Narrator[TrackingSystem], caller: Narrator[TrackingSystem], access: Access) -> None:
    """Plays what can be played. `caller`: makes the calls of the customer with the token, if there is one."""
    if access is Access.OPEN:
        await play(narrator)
        return
    await smoke_customers.expect_sign_in(narrator)
    if caller is narrator:
        narrator.step("A customer registers", "고객 등록")
        narrator.say("Left out: it needs a customer's token (--token-file FILE). docs/delivery.md says how to get one.")
    else:
        await smoke_customers.play(narrator, caller, SYNTHETIC_CUSTOMERS[0])


def main(arguments: list[str] | None = None) -> int:
    command_line = parser("tools.delivery.smoke", __doc__)
    where = command_line.add_mutually_exclusive_group(required=True)
    where.add_argument("--environment", help="such as prod: the addresses are read from its deployment")
    where.add_argument("--url", help="the gateway's address")
    command_line.add_argument(
        "--app", action="append", default=[], metavar="NAME=URL", help="an app on Azure: with --url, once for each"
    )
    command_line.add_argument(
        "--wait", type=float, default=START_SECONDS, help="seconds until the services must answer (%(default)s)"
    )
    command_line.add_argument("--access", choices=list(Access), help="who may call, as it should be (default: either)")
    command_line.add_argument(
        "--token-file", type=Path, help="a file with a customer's token, of one not registered yet"
    )
    options = command_line.parse_args(arguments)
    console = Console(highlight=False, soft_wrap=True)
    try:
        tested = replace(
            deployed(options.environment) if options.url is None else named(options.url, options.app),
            access=Access(options.access) if options.access else None,
            token=_token(options.token_file) if options.token_file else None,
        )
        asyncio.run(run(tested, options.wait, console))
    except (AddressError, AzureCliError, NotDeployedError) as error:
        command_line.error(str(error))
    except (StepFailed, aiohttp.ClientError, TimeoutError) as error:
        console.print(f"   [red]✘ not as expected:[/] {escape(str(error)) or type(error).__name__}")
        return 1
    console.print("\n[green]Every step went as expected.[/]")
    return 0


if __name__ == "__main__":
    sys.exit(main())
