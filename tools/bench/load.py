"""Load generators as processes: siege, which the original used, and a built-in one."""

import dataclasses
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from tools.bench.figures import Answer, LoadResult
from tools.bench.generator.plan import ANSWER_SECONDS, Call, Plan, result_from_json
from tools.paths import ROOT

type Generator = Literal["siege", "built-in"]

BUILT_IN_END_SECONDS = ANSWER_SECONDS + 15  # for the last answers, and for handing over the result
SIEGE_END_SECONDS = 10
"""siege does not wait for the last answers: it ends within a second, or not at all (4.0.7 sometimes hangs then)."""

ENOUGH_FAILURES = 10_000_000  # siege gives up after 1,024 connections that failed, unless told otherwise

# siege 4.0 prints its sums as text, 4.1 as JSON; each answer is a line in both.
_SIEGE_LINE = re.compile(r"HTTP/1\.[01] (\d{3})\s+(\d+\.\d+) secs")
_SIEGE_FAILED = re.compile(r"[Ff]ailed[ _]transactions\"?:\s+(\d+)")
_SIEGE_ELAPSED = re.compile(r"Elapsed[ _]time:?\W+([\d.]+)", re.IGNORECASE)


class LoadError(Exception):
    """The load generator failed. The message says why."""


def default_generator() -> Generator:
    """siege, if it is installed."""
    return "siege" if shutil.which("siege") else "built-in"


class Load:
    """A load that runs in the background; `with` ends it early if the block is left by an exception.

    `plan`: a closed loop for siege. Raises LoadError.
    """

    def __init__(self, generator: Generator, plan: Plan) -> None:
        self._plan = plan
        self._is_siege = generator == "siege"
        self._folder = tempfile.TemporaryDirectory(prefix="ssak8-load-")
        command = self._siege() if self._is_siege else [sys.executable, "-m", "tools.bench.generator"]
        # Files, not pipes: a process whose pipe nobody reads would wait, and slow down the load.
        with (
            (self._file("input")).open("rb") as given,
            self._file("output").open("wb") as output,
            self._file("errors").open("wb") as errors,
        ):
            self._process = subprocess.Popen(  # noqa: S603 found on the path, or this Python
                command, stdin=given, stdout=output, stderr=errors, cwd=ROOT
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._folder.cleanup()

    def _file(self, name: str) -> Path:
        file = Path(self._folder.name) / name
        if name == "input" and not file.exists():
            file.write_text("" if self._is_siege else self._plan.to_json(), encoding="utf-8")
        return file

    def _siege(self) -> list[str]:
        program = shutil.which("siege")
        if program is None:
            raise LoadError("siege is not installed; on Debian: apt install siege. Or: --generator built-in")
        plan, settings, urls = self._plan, self._file("siegerc"), self._file("urls")
        settings.write_text(siege_settings(plan))
        what = f" {plan.call.method} {plan.call.body}" if plan.call.body else ""
        urls.write_text("".join(f"{url}{what}\n" for url in plan.call.urls))
        command = [program, "-R", str(settings), "-b", "-v", f"-c{plan.users}", f"-t{plan.seconds:.0f}S"]
        return [*command, "--content-type", "application/json", "-f", str(urls)]

    def result(self) -> LoadResult:
        """Waits for its end. Raises LoadError."""
        # The difference is what siege used: this program waits for no other process meanwhile.
        used = _used_by_ended_children()
        hung = False
        try:
            self._process.wait(self._plan.seconds + (SIEGE_END_SECONDS if self._is_siege else BUILT_IN_END_SECONDS))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            hung = True
        cpu_seconds = _used_by_ended_children() - used
        output, errors = (self._file(name).read_text("utf-8", errors="replace") for name in ("output", "errors"))
        if self._is_siege:
            result = read_siege(output, errors, self._plan.seconds, hung=hung)
            return dataclasses.replace(result, cpu_seconds=cpu_seconds)
        if hung or self._process.returncode:
            raise LoadError(f"the load generator failed: {(errors.strip().splitlines() or ['it did not end'])[-1]}")
        return result_from_json(output)


def run(generator: Generator, plan: Plan) -> LoadResult:
    """Runs a load to its end. Raises LoadError."""
    with Load(generator, plan) as load:
        return load.result()


def registering(url: str, body: str, users: int, seconds: float) -> Plan:
    """The original's load: users who register one after the other, each on a connection of its own."""
    return Plan(Call([url], "POST", body), seconds, users=users, keep_open=False)


def siege_settings(plan: Plan) -> str:
    """What siege reads from its settings file."""
    settings = {
        "verbose": "true",
        "color": "off",
        "benchmark": "true",
        "timeout": f"{ANSWER_SECONDS:.0f}",
        "limit": str(plan.users),
        "failures": str(ENOUGH_FAILURES),
        "connection": "keep-alive" if plan.keep_open else "close",
        # siege 4.1 gets the Location of each 201, and counts that as one more registration.
        "follow-location": "false",
    }
    return "".join(f"{name} = {value}\n" for name, value in settings.items())


def read_siege(output: str, errors: str, seconds: float, *, hung: bool = False) -> LoadResult:
    """What siege printed. Durations come in steps of 10 ms. With `hung` its sums and its last lines are missing."""
    answers = [Answer(status, float(duration)) for status, duration in _SIEGE_LINE.findall(output)]
    elapsed = _SIEGE_ELAPSED.search(output + errors)
    if not answers and not elapsed:
        raise LoadError(f"siege printed no answers: {(errors.strip().splitlines() or ['nothing at all'])[-1]}")
    failed = _SIEGE_FAILED.search(output + errors)
    refused = sum(not answer.succeeded for answer in answers)
    if failed and int(failed[1]) > refused:
        answers += [Answer("no answer", 0.0)] * (int(failed[1]) - refused)
    note = "siege hung at its end and was killed: its last answers, some 50, and calls without answer are missing"
    return LoadResult("siege", answers, float(elapsed[1]) if elapsed else seconds, note=note if hung else "")


def _used_by_ended_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
