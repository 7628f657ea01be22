"""Load generators: siege, which the original used, and a built-in one that keeps its connections open."""

import asyncio
import json
import re
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from tools.bench.figures import LoadResult
from tools.play.system import YEON

REQUEST_TIMEOUT_SECONDS = 30  # as long as the gateway waits
SIEGE_END_SECONDS = 90  # for the last requests, and for summing up
BODY = json.dumps(YEON)

_SIEGE_LINE = re.compile(r"HTTP/1\.[01] (\d{3})\s+(\d+\.\d+) secs")


def siege(url: str, users: int, seconds: int) -> LoadResult:
    """Runs siege, which reports durations in steps of 10 ms. Raises FileNotFoundError if it is not installed."""
    program = shutil.which("siege")
    if program is None:
        raise FileNotFoundError("siege is not installed; on Debian: apt install siege")
    with tempfile.TemporaryDirectory() as home:
        settings = Path(home) / "siegerc"
        settings.write_text(f"verbose = true\ncolor = off\nbenchmark = true\ntimeout = {REQUEST_TIMEOUT_SECONDS}\n")
        command = [program, "-R", str(settings), "-b", "-v", f"-c{users}", f"-t{seconds}S"]
        command += ["--content-type", "application/json", f"{url} POST {BODY}"]
        finished = subprocess.run(  # noqa: S603 found on the path
            command, capture_output=True, text=True, check=False, timeout=seconds + SIEGE_END_SECONDS
        )
    responses = [(int(status), float(duration)) for status, duration in _SIEGE_LINE.findall(finished.stdout)]
    failed = re.search(r"[Ff]ailed[ _]transactions\"?:\s+(\d+)", finished.stdout + finished.stderr)
    durations = [duration for status, duration in responses if status == 201]
    failures = Counter(str(status) for status, _ in responses if status != 201)
    if failed and int(failed[1]) > failures.total():
        failures["no response"] = int(failed[1]) - failures.total()
    elapsed = re.search(r"Elapsed[ _]time:?\W+([\d.]+)", finished.stdout + finished.stderr, re.IGNORECASE)
    return LoadResult("siege", durations, failures, float(elapsed[1]) if elapsed else seconds)


def built_in(url: str, users: int, seconds: int) -> LoadResult:
    """Keeps `users` connections open; each sends the next request as soon as the last is answered."""
    return asyncio.run(_Load(url).run(users, seconds))


@dataclass
class _Load:
    url: str
    durations: list[float] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)

    async def run(self, users: int, seconds: int) -> LoadResult:
        before = time.perf_counter()
        await asyncio.gather(*(self._user(before + seconds) for _ in range(users)))
        return LoadResult("built-in", self.durations, self.failures, time.perf_counter() - before)

    async def _user(self, end: float) -> None:
        address = urlsplit(self.url)
        request = (
            f"POST {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(BODY)}\r\n\r\n{BODY}"
        ).encode()
        while time.perf_counter() < end:
            try:
                async with asyncio.timeout(REQUEST_TIMEOUT_SECONDS):
                    reader, writer = await asyncio.open_connection(address.hostname, address.port)
                try:
                    await self._requests(reader, writer, request, end)
                finally:
                    writer.close()
            except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
                self.failures[type(error).__name__] += 1

    async def _requests(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes, end: float
    ) -> None:
        while (before := time.perf_counter()) < end:
            async with asyncio.timeout(REQUEST_TIMEOUT_SECONDS):
                writer.write(request)
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
                await reader.readexactly(int(length))
            if head.startswith(b"http/1.1 201"):
                self.durations.append(time.perf_counter() - before)
            else:
                self.failures[head[9:12].decode()] += 1
