"""A low limit of open files, as on macOS."""

import asyncio
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from local_azure.stack import Stack
from local_azure.supervisor.open_files import ENOUGH, WANTED, raise_limit, warning
from tests.integration.local_azure.tiny_app import write_tiny_app

MACOS_LIMIT = 256
CONNECTIONS = 220
DEADLINE_SECONDS = 60.0


def limited_to(soft: int, hard: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def up(config: Path, limit: Callable[[], None]) -> str:
    """What `up --detach` prints under a limit of open files."""
    command = [sys.executable, "-m", "local_azure", "up", "--detach", "--free-ports", "--config", str(config)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, preexec_fn=limit)  # noqa: S603
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


async def statuses(port: int, connections: int) -> list[bytes]:
    """The status lines of calls that are all open at the same time."""
    opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(connections)]
    for _, writer in opened:
        writer.write(b"GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n")
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            return [await reader.readline() for reader, _ in opened]
    finally:
        for _, writer in opened:
            writer.close()


def test_more_connections_than_the_soft_limit_has_files_are_served(tmp_path: Path) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    shown = up(write_tiny_app(tmp_path), limited_to(MACOS_LIMIT, hard))

    with Stack(tmp_path / ".local-azure") as stack:
        answers = asyncio.run(statuses(stack.port("gateway"), CONNECTIONS))

    assert answers == [b"HTTP/1.1 200 OK\r\n"] * CONNECTIONS
    assert "files may be open" not in shown


def test_a_limit_that_cannot_be_raised_is_reported(tmp_path: Path) -> None:
    shown = up(write_tiny_app(tmp_path), limited_to(MACOS_LIMIT, MACOS_LIMIT))
    Stack(tmp_path / ".local-azure").down()

    assert f"Only {MACOS_LIMIT} files may be open at a time" in shown


@pytest.mark.parametrize(("limit", "warned"), [(256, True), (ENOUGH - 1, True), (ENOUGH, False), (WANTED, False)])
def test_a_limit_of_a_thousand_is_enough(limit: int, warned: bool) -> None:
    assert (warning(limit) is not None) == warned


@pytest.mark.parametrize(
    ("limits", "expected"),
    [((256, 4096), 4096), ((256, 100_000), WANTED), ((50_000, 100_000), 50_000), ((256, 256), 256)],
)
def test_only_the_soft_limit_changes_and_is_never_lowered(
    limits: tuple[int, int], expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_to = [limits]
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits)
    monkeypatch.setattr(resource, "setrlimit", lambda _, wanted: set_to.append(wanted))

    assert raise_limit() == expected
    assert set_to[-1] == (expected, limits[1])
