"""Plays the scenario's calls against a running system, with synthetic customers that it cancels again.

`python -m tools.delivery.smoke --url https://GATEWAY`
Exit code 0: every step went as expected; 1: a step failed; 2: the URL is not usable.
It shows only what it registered itself, never what else the system holds.
"""

import asyncio
import contextlib
import sys
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from rich.console import Console

from tools.command_line import parser
from tools.play import probe, steps
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


async def run(url: str, start_seconds: float, console: Console) -> None:
    """Raises StepFailed, aiohttp.ClientError and TimeoutError."""
    console.print(f"Waiting up to {start_seconds:.0f} s for the three services at {url} …")
    await wait_for_services(url, start_seconds)
    async with TrackingSystem.at(url, CALL_SECONDS) as system:
        try:
            await play(Narrator(system, console, EVENT_SECONDS))
        finally:
            await system.cancel_all()
            if system.registered:
                console.print(f"   [red]could not be cancelled:[/] {', '.join(system.registered)}")


def main(arguments: list[str] | None = None) -> int:
    command_line = parser("tools.delivery.smoke", __doc__)
    command_line.add_argument("--url", required=True, help="the gateway's address")
    command_line.add_argument(
        "--wait", type=float, default=START_SECONDS, help="seconds until the services must answer (%(default)s)"
    )
    options = command_line.parse_args(arguments)
    console = Console(highlight=False, soft_wrap=True)
    if urlsplit(options.url).scheme not in ("http", "https") or not urlsplit(options.url).hostname:
        command_line.error(f"--url {options.url!r}: give an address such as https://ssak8.example.org")
    try:
        asyncio.run(run(options.url, options.wait, console))
    except (StepFailed, aiohttp.ClientError, TimeoutError) as error:
        console.print(f"   [red]✘ not as expected:[/] {str(error) or type(error).__name__}")
        return 1
    console.print("\n[green]Every step went as expected.[/]")
    return 0


if __name__ == "__main__":
    sys.exit(main())
