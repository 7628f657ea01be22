"""What a page of my page costs: time to the first byte on an idle system, and CPU by process."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final

import aiohttp

from local_azure.stack import Stack
from shared.settings import Access
from tools.bench.bench import Bench, Measurement, Row
from tools.bench.figures import milliseconds
from tools.bench.load import LoadError
from tools.bench.options import option
from tools.bench.processes import Meter, Spent

CALL_SECONDS: Final = 15
WARM_UP: Final = 5
"""Visits before the measured ones: templates are compiled, and connections open."""
MILLISECONDS: Final = 1000
# Less than this, in milliseconds, is not shown for each process.
WORTH_SHOWING: Final = 0.05

HIDDEN: Final = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')
DETAILS: Final = {
    "customerName": "김싹",
    "customerPhone": "010-1234-5678",
    "customerAge": "34",
    "roadAddress": "인천광역시 남동구 예시로 8",
    "detailAddress": "",
    "consent": "yes",
    "oldEnough": "yes",
}


@dataclass(frozen=True)
class Options:
    visits: int = option(100, "how often each page is visited, one after the other", scales=True)


@dataclass(frozen=True)
class Visits:
    """`calls`: of my page to other apps for each visit. `first_bytes`: seconds. `size`: bytes of the page."""

    name: str
    calls: int
    first_bytes: list[float]
    size: int
    spent: Spent

    @property
    def cpu(self) -> float:
        """Milliseconds of a visit, all processes together."""
        return self.spent.total * MILLISECONDS / len(self.first_bytes)

    @property
    def by_process(self) -> str:
        each = {name: seconds * MILLISECONDS / len(self.first_bytes) for name, seconds in self.spent.services.items()}
        return ", ".join(f"{name} {spent:.2f}" for name, spent in each.items() if spent >= WORTH_SHOWING)


class Browser:
    """Keeps cookies and connections, as a browser does; loads neither style nor script, which are kept for ever."""

    def __init__(self, http: aiohttp.ClientSession, origin: str) -> None:
        self._http = http
        self._origin = origin

    async def sign_in(self, number: int) -> None:
        """As the person with this number at the stand-in for Kakao."""
        async with self._http.get(f"{self._origin}/login") as page:
            authorize = page.url
        async with self._http.post(authorize, data={"number": str(number)}) as page:
            if not page.ok:
                raise LoadError(f"signing in was answered with {page.status}")

    async def get(self, path: str) -> tuple[float, str]:
        """Seconds to the first byte, and the page. Raises LoadError."""
        return await self._call("GET", path)

    async def post(self, path: str, form: dict[str, str]) -> tuple[float, str]:
        """Sends a form; does not follow where that leads. Raises LoadError."""
        return await self._call("POST", path, data=form, headers={"Origin": self._origin}, allow_redirects=False)

    async def register(self) -> float:
        """Sends the form that registers; returns the seconds to the first byte."""
        _, form = await self.get("/my/registration")
        return (await self.post("/my/registration", {**dict(HIDDEN.findall(form)), **DETAILS}))[0]

    async def _call(self, method: str, path: str, **options: object) -> tuple[float, str]:
        start = time.perf_counter()
        async with self._http.request(method, f"{self._origin}{path}", **options) as response:  # type: ignore[arg-type]
            seconds = time.perf_counter() - start
            if response.status >= 400:
                raise LoadError(f"{method} {path} was answered with {response.status}")
            return seconds, await response.text()


def measure(bench: Bench, options: Options) -> list[Row]:
    # Only where customers sign in does my page run.
    with replace(bench, access=Access.CUSTOMERS).stack() as stack:
        bench.say(f"  {options.visits} visits of each page …")
        found = asyncio.run(_visit(stack, options.visits))
    rows = [
        [
            each.name,
            milliseconds(each.first_bytes, 50),
            milliseconds(each.first_bytes, 95),
            f"{each.cpu:.2f} ms",
            str(each.calls),
            f"{each.size:,} B",
            each.by_process,
        ]
        for each in found
    ]
    bench.table(("page", "first byte", "p95", "CPU a visit", "calls", "size", "ms by process"), rows)
    return [
        Row(
            f"{each.name}, idle",
            f"first byte {milliseconds(each.first_bytes, 50)}, p95 {milliseconds(each.first_bytes, 95)}; "
            f"CPU {each.cpu:.1f} ms; {each.calls} calls of other apps",
        )
        for each in found
    ]


async def _visit(stack: Stack, visits: int) -> list[Visits]:
    origin = stack.url("gateway")
    timeout = aiohttp.ClientTimeout(CALL_SECONDS)
    cookies = aiohttp.CookieJar(unsafe=True)  # of an address, not a name
    async with aiohttp.ClientSession(timeout=timeout, cookie_jar=cookies) as http:
        browser = Browser(http, origin)
        found = [await _measured(stack, visits, "GET /", 0, lambda: browser.get("/"))]
        found.append(await _measured(stack, visits, "GET /privacy", 0, lambda: browser.get("/privacy")))
        await browser.sign_in(1)
        await browser.register()
        found.append(await _measured(stack, visits, "GET /my", 2, lambda: browser.get("/my")))
        edit = "/my/registration/edit"
        found.append(await _measured(stack, visits, f"GET {edit}", 2, lambda: browser.get(edit)))
    return found


async def _measured(
    stack: Stack, visits: int, name: str, calls: int, visit: Callable[[], Awaitable[tuple[float, str]]]
) -> Visits:
    for _ in range(WARM_UP):
        await visit()
    meter = Meter(stack)
    answers = [await visit() for _ in range(visits)]
    return Visits(name, calls, [seconds for seconds, _ in answers], len(answers[-1][1].encode()), meter.read())


MEASUREMENT = Measurement("pages", "my page: first byte on an idle system, CPU of a visit by process", Options, measure)
