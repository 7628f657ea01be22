import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from local_azure.stack import Stack
from local_azure.supervisor import state_folder
from local_azure.supervisor.services import StackError
from local_azure.supervisor.state_folder import ProcessIdentity, Running, StateFolder


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    prepared = StateFolder(tmp_path / "state")
    prepared.prepare()
    return prepared


def running(**processes: ProcessIdentity) -> Running:
    return Running(
        supervisor=ProcessIdentity.of(os.getpid()),
        config=Path("local-azure.toml"),
        control_port=1,
        token="secret",
        services=["one"],
        ports={"one": 2},
        assigned_ports={"one": 2},
        connection_strings={},
        processes=processes,
    )


def test_only_the_owner_can_read_running_json(state: StateFolder) -> None:
    state.write_running(running())

    assert state.read_running() == running()
    assert stat.S_IMODE((state.folder / "running.json").stat().st_mode) == 0o600
    assert sorted(file.name for file in state.folder.iterdir()) == ["local-azure-state", "logs", "running.json"]


@pytest.mark.parametrize("content", ["", "{", '{"supervisor": 1}'])
def test_an_invalid_running_json_counts_as_missing(state: StateFolder, content: str) -> None:
    (state.folder / "running.json").write_text(content)

    assert state.read_running() is None


def test_there_is_one_supervisor_at_a_time(state: StateFolder) -> None:
    assert not state.is_locked
    state.lock()

    assert state.is_locked
    with pytest.raises(StackError, match="already running"):
        StateFolder(state.folder).lock()
    # Nobody prepares files for a stack that cannot start.
    with pytest.raises(StackError, match="already running"):
        Stack.state_folder(state=state.folder)

    state.unlock()
    assert Stack.state_folder(state=state.folder) == state.folder
    assert not state.is_locked
    StateFolder(state.folder).lock()


def test_orphans_are_ended(state: StateFolder) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as orphan:
        state.write_running(running(one=ProcessIdentity.of(orphan.pid), two=ProcessIdentity(pid=2**22, started=1)))

        assert state.end_orphans() == ["one"]

        # Raises TimeoutExpired where it lives on.
        orphan.wait(1)
    assert state.read_running() is None


def test_a_process_that_reuses_the_id_of_an_orphan_is_left_alone(state: StateFolder) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        started = ProcessIdentity.of(other.pid).started - 100
        state.write_running(running(one=ProcessIdentity(pid=other.pid, started=started)))

        assert state.end_orphans() == []

        assert other.poll() is None


def test_emptying_deletes_everything(state: StateFolder) -> None:
    (state.folder / "cosmos.sqlite3").touch()

    state.empty()

    assert not state.folder.exists()


def test_a_folder_with_other_content_is_neither_used_nor_emptied(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    state = StateFolder(tmp_path)

    with pytest.raises(StackError, match="contains something else"):
        state.prepare()
    with pytest.raises(StackError, match="nothing was deleted"):
        state.empty()

    assert (tmp_path / "letter.txt").exists()


def test_a_log_that_is_too_large_is_moved_while_its_service_writes(
    state: StateFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_folder, "LOG_LIMIT_BYTES", 10)
    file = state.log_file("one")
    with file.open("ab", buffering=0) as log:
        log.write(b"more than ten bytes\n")

        state_folder.limit_log(file)
        log.write(b"new\n")

    assert file.read_bytes() == b"new\n"
    assert file.with_suffix(".log.1").read_bytes() == b"more than ten bytes\n"
