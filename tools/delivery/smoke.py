"""Plays the demo's calls against a running system, with synthetic customers that it cancels again.

`python -m tools.delivery.smoke --url https://GATEWAY`. Exit code 0: all as expected; 1: something was not; 2: a wrong
URL.
It shows what it registered itself, never what else the system holds.
"""

import argparse
import asyncio
import contextlib
import sys
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from rich.console import Console

from tools.play import steps
from tools.play.calls import Answer, Calls, Gateway, seconds_until
from tools.play.stage import Stage, Unexpected

CALL_SECONDS = 30  # a first call may have to wait for an instance to start
EVENT_SECONDS = 120  # so may an event
NOBODY = "00000000-0000-7000-8000-000000000000"
SYNTHETIC_CUSTOMERS = (
    {"customerName": "smoke test", "customerAddress": "synthetic", "customerAge": "20"},
    {"customerName": "점검용 고객", "customerAddress": "synthetic", "customerAge": 41},
)


class RememberingGateway(Gateway):
    """A gateway, and whom it registered without having cancelled them yet."""

    def __init__(self, address: str, http: aiohttp.ClientSession) -> None:
        super().__init__(address, http)
        self.registered: list[str] = []

    async def call(self, method: str, path: str, **options: Any) -> Answer:
        answer = await super().call(method, path, **options)
        if method == "POST" and answer.status == 201:
            self.registered.append(answer.headers["Location"].rpartition("/")[2])
        elif method == "DELETE" and answer.status == 204:
            self.registered.remove(path.rpartition("/")[2])
        return answer

    async def cancel_all(self) -> None:
        """Cancels whom it registered, as far as the system lets it."""
        for customer_id in list(self.registered):
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                await self.call("DELETE", f"/customers/{customer_id}")


async def play(stage: Stage[Calls]) -> None:
    """Raises Unexpected, aiohttp.ClientError and TimeoutError."""
    stage.step("Synthetic customers register", "가상 고객 등록")
    ids = [await steps.register(stage, details) for details in SYNTHETIC_CUSTOMERS]
    stage.step("They are found in all three services", "등록 내역 조회")
    for customer_id in ids:
        await steps.look_up(stage, customer_id)
    stage.step("They cancel; the view and the alert follow", "등록 취소와 알림")
    for customer_id in ids:
        await steps.cancel(stage, customer_id)
        await steps.alerted(stage, customer_id)


async def not_answering(system: Calls) -> dict[str, str]:
    """The services that do not answer, and what is heard instead.

    One that does says itself, and not what stands before it, that what nobody has is not found.
    """
    heard = {}
    for name in ("customers", "kakaos", "customerViews"):
        try:
            answer = await system.call("GET", f"/{name}/{NOBODY}")
        except (aiohttp.ClientError, TimeoutError) as error:
            heard[name] = type(error).__name__
        else:
            if answer.status != 404 or "traceId" not in answer.text:
                heard[name] = f"status {answer.status}"
    return heard


async def run(url: str, wait_seconds: float, console: Console) -> None:
    """Raises Unexpected, aiohttp.ClientError and TimeoutError."""
    async with RememberingGateway.at(url, CALL_SECONDS) as gateway:
        heard: dict[str, str] = {}

        async def all_answer() -> bool:
            nonlocal heard
            heard = await not_answering(gateway)
            return not heard

        console.print(f"Waiting up to {wait_seconds:.0f} s for the three services at {url} …")
        try:
            await seconds_until(all_answer, wait_seconds)
        except TimeoutError:
            told = ", ".join(f"/{name}: {what}" for name, what in heard.items())
            raise Unexpected(f"not all services answered within {wait_seconds:.0f} s ({told})") from None
        try:
            await play(Stage(gateway, console, EVENT_SECONDS))
        finally:
            await gateway.cancel_all()
            if gateway.registered:
                console.print(f"   [red]could not be cancelled:[/] {', '.join(gateway.registered)}")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.delivery.smoke", description=__doc__)
    parser.add_argument("--url", required=True, help="the gateway's address")
    parser.add_argument("--wait", type=float, default=120, help="seconds until the services answer (%(default)s)")
    given = parser.parse_args(arguments)
    console = Console(highlight=False, soft_wrap=True)
    if urlsplit(given.url).scheme not in ("http", "https") or not urlsplit(given.url).hostname:
        parser.error(f"--url {given.url!r}: give an address such as https://ssak8.example.org")
    try:
        asyncio.run(run(given.url, given.wait, console))
    except (Unexpected, aiohttp.ClientError, TimeoutError) as error:
        console.print(f"   [red]✘ not as expected:[/] {error or type(error).__name__}")
        return 1
    console.print("\n[green]Every step went as expected.[/]")
    return 0


if __name__ == "__main__":
    sys.exit(main())
