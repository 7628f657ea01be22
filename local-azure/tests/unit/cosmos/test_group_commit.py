import asyncio
import sqlite3

import pytest

from local_azure.cosmos.store.storage import Storage
from local_azure.cosmos.wire.group_commit import GroupCommit
from tests.unit.cosmos.accounts import Shop


class Sent:
    def __init__(self) -> None:
        self.responses: list[bytes] = []

    def __call__(self, response: bytes) -> None:
        self.responses.append(response)


def group(storage: Storage) -> GroupCommit:
    return GroupCommit(storage, asyncio.get_running_loop())


async def one_turn() -> None:
    await asyncio.sleep(0)


async def test_a_write_is_answered_only_after_its_commit() -> None:
    shop, sent = Shop(), Sent()
    shop.storage.commit()
    commits = group(shop.storage)

    shop.create("1")
    commits.answer(sent, b"created")

    assert sent.responses == []
    await one_turn()
    assert sent.responses == [b"created"]
    assert not shop.storage.pending


async def test_a_read_that_may_contain_a_write_waits_for_its_commit() -> None:
    shop, sent = Shop(), Sent()
    shop.storage.commit()
    commits = group(shop.storage)
    commits.answer(sent, b"read before")

    shop.create("1")
    commits.answer(sent, b"created")
    commits.answer(sent, b"read after")

    assert sent.responses == [b"read before"]
    await one_turn()
    assert sent.responses == [b"read before", b"created", b"read after"]


async def test_the_writes_of_one_turn_are_one_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    shop, sent = Shop(), Sent()
    shop.storage.commit()
    commits = group(shop.storage)
    counted: list[None] = []
    commit = shop.storage.commit
    monkeypatch.setattr(shop.storage, "commit", lambda: counted.append(commit()))

    for item_id in ("1", "2", "3"):
        shop.create(item_id)
        commits.answer(sent, item_id.encode())
    await one_turn()

    assert sent.responses == [b"1", b"2", b"3"]
    assert len(counted) == 1


async def test_a_failed_commit_is_never_confirmed(monkeypatch: pytest.MonkeyPatch) -> None:
    shop, sent = Shop(), Sent()
    shop.storage.commit()
    commits = group(shop.storage)
    shop.create("1")
    commits.answer(sent, b"created")

    def fail() -> None:
        shop.storage.rollback()
        raise sqlite3.OperationalError("disk full")

    monkeypatch.setattr(shop.storage, "commit", fail)
    await one_turn()

    assert sent.responses == [b""]
    assert shop.find("1") is None


async def test_a_database_error_undoes_the_whole_turn() -> None:
    shop, sent = Shop(), Sent()
    shop.storage.commit()
    commits = group(shop.storage)
    shop.create("1")
    commits.answer(sent, b"created")

    commits.roll_back()

    await one_turn()
    assert sent.responses == [b""]
    assert shop.find("1") is None
