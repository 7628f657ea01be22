"""A full disk, files of another user, and errors in the background: one line says what is wrong, and work goes on."""

import asyncio
import ctypes
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local_azure.supervisor import lifecycle, state_folder
from local_azure.supervisor.events import Event
from local_azure.supervisor.services import StackError, State
from local_azure.supervisor.state_folder import StateFolder
from tests.integration.local_azure.test_supervisor import Stage, only, stage, until

__all__ = ["stage"]

# Any user but root.
STRANGER = 65534
PR_CAPBSET_DROP = 24
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER = 1, 2, 3
DISK_BYTES = 1024 * 1024


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of DISK_BYTES."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False, timeout=10).returncode != 0:  # noqa: S603
        pytest.skip("only root can mount a small disk, and not everywhere")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True, timeout=10)  # noqa: S603, S607 what was mounted above


def fill(disk: Path) -> Path:
    """Writes a file that leaves no space."""
    filling = disk / "filling"
    with filling.open("wb", buffering=0) as file:
        while True:
            try:
                file.write(bytes(4096))
            except OSError:
                return filling


def as_ordinary_user() -> None:
    """Lets root only do what the permissions of files allow."""
    prctl = ctypes.CDLL(None).prctl
    for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER):
        prctl(PR_CAPBSET_DROP, capability)


def command(config: Path, *arguments: str, prepare: Callable[[], None] | None = None) -> tuple[int, str]:
    """The exit code and the errors of `local-azure`."""
    done = subprocess.run(  # noqa: S603 the program under test
        [sys.executable, "-m", "local_azure", *arguments, "--config", str(config)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        preexec_fn=prepare,
    )
    return done.returncode, done.stderr


def gateway_only(folder: Path) -> Path:
    config = folder / "local-azure.toml"
    config.write_text("[gateway]\nport = 0\n")
    return config


@pytest.mark.parametrize("arguments", [("up",), ("up", "--detach")])
def test_a_start_on_a_full_disk_is_refused_with_one_line(small_disk: Path, arguments: tuple[str, ...]) -> None:
    config = gateway_only(small_disk)
    fill(small_disk)

    code, error = command(config, *arguments)

    assert code == 1
    assert "No space left on device; free some space" in error
    assert len(error.splitlines()) == 1


def test_a_full_disk_can_be_reset(small_disk: Path) -> None:
    config = gateway_only(small_disk)
    StateFolder(small_disk / ".local-azure").prepare()
    fill(small_disk / ".local-azure")

    code, error = command(config, "reset")

    assert (code, error) == (0, "")
    assert not (small_disk / ".local-azure").exists()


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("arguments", [("up",), ("up", "--detach"), ("reset",), ("logs",), ("status",), ("down",)])
def test_files_of_another_user_are_named_with_their_owner(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    config = gateway_only(tmp_path)
    state = StateFolder(tmp_path / ".local-azure")
    state.prepare()
    for file in (state.folder / "running.json", state.log_file("gateway"), state.folder / "lock"):
        file.touch(mode=0o600)
    for file in (state.folder, *state.folder.rglob("*")):
        os.chown(file, STRANGER, STRANGER)

    code, error = command(config, *arguments, prepare=as_ordinary_user)

    assert code == 1
    assert "Permission denied" in error
    assert f"belongs to {Path(state.folder).owner()}" in error
    assert len(error.splitlines()) == 1


def test_a_reset_that_did_not_delete_everything_can_be_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = StateFolder(tmp_path / "state")
    state.prepare()
    (state.folder / "cosmos.sqlite3").touch()
    monkeypatch.setattr(Path, "unlink", refuse)

    with pytest.raises(StackError, match="not everything could be deleted"):
        state.empty()
    monkeypatch.undo()
    state.empty()

    assert not state.folder.exists()


def refuse(self: Path, **_: object) -> None:
    raise PermissionError(13, "Permission denied", str(self))


async def limit_logs_until(state: StateFolder, events: list[Event], true: Callable[[], bool]) -> None:
    limiting = asyncio.create_task(lifecycle._limit_logs(state, events.append))
    try:
        await until(lambda: limiting.done() or true())
        assert not limiting.done(), "it has ended"
    finally:
        limiting.cancel()


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "LOG_CHECK_SECONDS", 0.01)
    monkeypatch.setattr(state_folder, "LOG_LIMIT_BYTES", 10_000)


@pytest.mark.usefixtures("quickly")
async def test_logs_are_kept_short_again_after_the_disk_was_full(small_disk: Path) -> None:
    state = StateFolder(small_disk)
    state.prepare()
    log, events = state.log_file("one"), list[Event]()
    log.write_bytes(bytes(20_000))
    filling = fill(small_disk)

    await limit_logs_until(state, events, lambda: bool(events))
    limiting = asyncio.create_task(limit_logs_until(state, events, lambda: log.stat().st_size == 0))
    await asyncio.sleep(0.1)
    filling.unlink()
    await limiting

    assert len(events) == 2, "once for each time it was started"
    for event in events:
        assert str(event).startswith("one notice its log is not kept short: ")
        assert "No space left on device; free some space" in event.detail


@pytest.mark.usefixtures("quickly")
async def test_a_log_that_cannot_be_kept_short_does_not_hinder_the_others(tmp_path: Path) -> None:
    state = StateFolder(tmp_path / "state")
    state.prepare()
    bad, good, events = state.log_file("bad"), state.log_file("good"), list[Event]()
    bad.symlink_to(tmp_path / "gone")
    good.write_bytes(bytes(20_000))

    await limit_logs_until(state, events, lambda: bool(events) and good.stat().st_size == 0)

    assert [event.service for event in events] == ["bad"]


@pytest.mark.usefixtures("quickly")
async def test_a_full_disk_has_space_for_the_copy_of_a_log_that_was_copied_before(small_disk: Path) -> None:
    state = StateFolder(small_disk)
    state.prepare()
    log, events = state.log_file("one"), list[Event]()
    log.write_bytes(b"n" * 20_000)
    log.with_suffix(".log.1").write_bytes(b"o" * 20_000)
    fill(small_disk)

    await limit_logs_until(state, events, lambda: log.stat().st_size == 0)

    assert events == []
    assert log.with_suffix(".log.1").read_bytes() == b"n" * 20_000


async def test_a_service_that_prints_runs_on_while_the_disk_is_full(stage: Stage, small_disk: Path) -> None:
    chatty = stage.service("one", "chatty")
    stage.state = StateFolder(small_disk)
    stage.state.prepare()
    supervisor = stage.supervisor(chatty)
    filling = fill(small_disk)

    await supervisor.start_all()
    # More than a pipe holds.
    await until(lambda: "one has printed 1000000 bytes" in stage.notes)
    filling.unlink()
    await until(lambda: stage.state.log_file("one").stat().st_size > 0)

    notices = [event for event in stage.events if "what it prints is not in its log" in event.detail]
    assert len(notices) == 1
    assert only(supervisor).restarts == 0


async def test_a_service_is_restarted_when_its_log_can_be_opened_again(stage: Stage, tmp_path: Path) -> None:
    supervisor = stage.supervisor(stage.service("one"))
    await supervisor.start_all()
    logs = stage.state.log_file("one").parent
    logs.rename(tmp_path / "elsewhere")

    pid = only(supervisor).pid
    assert pid is not None
    os.kill(pid, 9)
    await until(lambda: any("No such file or directory" in event.detail for event in stage.events))
    logs.mkdir()
    await until(lambda: only(supervisor).state is State.RUNNING)

    assert only(supervisor).pid != pid


async def test_events_that_cannot_be_recorded_are_reported_once_to_the_other_listeners(stage: Stage) -> None:
    def broken(_: Event) -> None:
        raise OSError(28, "No space left on device", "supervisor.log")

    supervisor = stage.supervisor(stage.service("one"))
    supervisor.listeners.insert(0, broken)

    await supervisor.start_all()
    await supervisor.stop("one")

    notices = [str(event) for event in stage.events if event.kind.value == "notice"]
    [notice] = notices
    assert notice.startswith("notice not everything that happens is recorded: supervisor.log: No space left on device")
    assert only(supervisor).state is State.STOPPED
