from collections.abc import Iterator
from pathlib import Path

import pytest

from local_azure.log_view import follow, tail


class _EndError(Exception):
    """Ends the endless following."""


def test_the_last_lines_are_shown(tmp_path: Path) -> None:
    log = tmp_path / "one.log"
    log.write_text("a\nb\nc\n")
    shown: list[str] = []

    tail([log], 2, shown.append)

    assert shown == ["b", "c"]


def test_lines_of_several_logs_have_the_name_of_their_log(tmp_path: Path) -> None:
    logs = [tmp_path / "one.log", tmp_path / "two.log"]
    for log in logs:
        log.write_text("a\n")
    shown: list[str] = []

    tail(logs, 9, shown.append)

    assert shown == ["one           a", "two           a"]


def test_complete_lines_are_followed_and_an_emptied_log_from_its_start(tmp_path: Path) -> None:
    log = tmp_path / "one.log"
    log.write_text("before, and longer than all that follows\n")
    shown: list[str] = []

    def writing() -> Iterator[None]:
        with log.open("a") as file:
            file.write("first\nhal")
        yield
        with log.open("a") as file:
            file.write("f\n")
        yield
        log.write_text("anew\n")
        yield
        raise _EndError

    step = writing()
    with pytest.raises(_EndError):
        follow([log], shown.append, lambda: next(step))

    assert shown == ["first", "half", "anew"]
