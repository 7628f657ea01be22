"""The measurements run, for as short as they can: their figures are no test."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from tools.paths import ROOT

END_SECONDS = 60


@pytest.mark.timeout(480)
def test_a_short_run_prints_the_table_beside_the_original() -> None:
    command = f"{sys.executable} -m tools.bench all --only registering overload --scale 0.05 --users 4"
    finished = subprocess.run(  # noqa: S603 a constant
        [*command.split(), "--generator", "built-in"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=230,
    )

    assert finished.returncode == 0, finished.stdout + finished.stderr
    rows = re.findall(r"^\| (.*?) \| (.*?) \| (.*?) \|$", finished.stdout, re.MULTILINE)
    found = {test: (original, ours) for test, original, ours in rows}
    original, ours = found["registering, warm, 4 users"]
    assert original == "1,198–1,246/s, p95 190 ms"
    assert re.fullmatch(r"[\d,]+/s, p95 [\d,]+ ms, 0 failed", ours)
    assert re.match(r"\d+\.\d\d ms \(customer", found["CPU a registration, all processes"][1])
    assert "4 × the rate, open loop" in found


@pytest.mark.timeout(480)
def test_what_is_postponed_is_registered_in_the_end_and_nobody_twice() -> None:
    command = (
        f"{sys.executable} -m tools.bench postponed --capacity 10 --times 2 --clients prefer --seconds 2 --warm-up 0"
    )
    finished = subprocess.run(  # noqa: S603 a constant
        command.split(), cwd=ROOT, capture_output=True, text=True, check=False, timeout=230
    )

    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert re.search(r"\d+ registered; (\d+) customers, \1 messages, \1 events: equal", finished.stdout)
    assert "| 2 × what KakaoTalk takes, postponable | – | 100.0% registered or postponed" in finished.stdout


@pytest.mark.timeout(480)
def test_both_kinds_of_access_are_measured_in_turn() -> None:
    command = f"{sys.executable} -m tools.bench access --rounds 1 --seconds 1 --warm-up 0 --users 4"
    finished = subprocess.run(  # noqa: S603 a constant
        command.split(), cwd=ROOT, capture_output=True, text=True, check=False, timeout=230
    )

    assert finished.returncode == 0, finished.stdout + finished.stderr
    for access in ("open", "customers"):
        assert re.search(rf"1\. ACCESS={access}: [1-9]\d*/s, p95 [\d,]+ ms, 0 failed", finished.stdout)


@pytest.fixture
def sigint() -> Iterator[None]:
    """As in a terminal: a shell starts what runs in the background with SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("sigint")
def test_ctrl_c_ends_the_stack_and_the_load_with_it() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tools.bench", "registering", "--warm-up", "0", "--generator", "built-in"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    try:
        began = next(line for line in process.stdout if "users register" in line)
        started = psutil.Process(process.pid).children(recursive=True)
        os.kill(process.pid, signal.SIGINT)
        output, _ = process.communicate(timeout=END_SECONDS)
    finally:
        process.kill()

    assert began
    assert len(started) > 5
    assert (process.returncode, output) == (130, "stopped\n")
    assert not psutil.wait_procs(started, timeout=10)[1]
