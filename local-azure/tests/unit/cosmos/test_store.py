import json
from pathlib import Path

import pytest

from local_azure.cosmos.errors import CosmosError
from local_azure.cosmos.limits import MAX_ITEM_BYTES
from local_azure.cosmos.store.items import Precondition
from local_azure.cosmos.store.storage import InUseError
from tests.unit.cosmos.accounts import Shop


def lsns(bodies: list[str]) -> list[int]:
    return [json.loads(body)["_lsn"] for body in bodies]


def test_an_item_expires_at_once_and_is_purged_later() -> None:
    shop = Shop(default_ttl=10)
    shop.create("by-default")
    shop.create("by-itself", ttl=100)
    shop.create("never", ttl=-1)

    shop.clock.now += 10

    assert shop.find("by-default") is None
    assert len(shop.query("SELECT * FROM c")) == 2
    assert [json.loads(body)["id"] for body in shop.changes().bodies] == ["by-itself", "never"]
    assert shop.items.purge() == 1
    assert shop.items.purge() == 0


def test_the_ttl_of_an_item_has_an_effect_only_if_its_container_has_one() -> None:
    shop = Shop(default_ttl=None)
    shop.create("1", ttl=10)

    shop.clock.now += 1000

    assert shop.find("1") is not None


def test_a_changed_default_ttl_applies_to_existing_items() -> None:
    shop = Shop(default_ttl=None)
    shop.create("by-default")
    shop.create("never", ttl=-1)
    shop.clock.now += 100

    shop.account.catalog.replace_container(shop.orders, {"id": "orders", "defaultTtl": 50})

    assert shop.find("by-default") is None
    assert shop.find("never") is not None


def test_the_key_of_an_expired_item_is_free_before_it_is_purged() -> None:
    shop = Shop(default_ttl=10)
    shop.create("1", name="old")
    shop.clock.now += 10

    shop.create("1", name="new")

    found = shop.find("1")
    assert found is not None
    assert json.loads(found.body)["name"] == "new"
    with pytest.raises(CosmosError, match="already exists"):
        shop.create("1")


def test_each_write_has_its_own_etag() -> None:
    shop = Shop()
    first = shop.create("1")
    second = shop.items.replace(shop.commit(), "1", {"id": "1", "customer": "kim"}, Precondition(first.etag))

    assert first.etag != second.etag
    assert json.loads(second.body)["_etag"] == second.etag
    with pytest.raises(CosmosError, match="precondition"):
        shop.items.delete(shop.commit(), "1", Precondition(first.etag))


def test_system_properties_are_set_by_the_store() -> None:
    shop = Shop()

    stored = shop.create("1", _etag="mine", _ts=1, _rid="mine", _self="mine")

    body = json.loads(stored.body)
    assert body["_etag"] == stored.etag
    assert body["_ts"] == int(shop.clock.now)
    assert "mine" not in stored.body


def test_an_item_has_at_most_two_megabytes_in_utf_8() -> None:
    shop = Shop()
    frame = len('{"id":"1","customer":"kim","text":""}')

    shop.create("1", text="가" * ((MAX_ITEM_BYTES - frame) // 3))

    with pytest.raises(CosmosError, match="too large"):
        shop.create("2", text="가" * ((MAX_ITEM_BYTES - frame) // 3 + 1))


def test_a_text_with_half_a_surrogate_pair_is_kept() -> None:
    shop = Shop()

    stored = shop.create("1", text="\ud800 한글")

    assert json.loads(stored.body)["text"] == "\ud800 한글"


@pytest.mark.parametrize("item_id", ["", "a/b", "a\\b", "a?b", "a#b", "a" * 1024, "가" * 342, 7, None, "a "])
def test_an_id_the_service_refuses_is_refused(item_id: object) -> None:
    shop = Shop()

    with pytest.raises(CosmosError) as refused:
        shop.items.create(shop.commit(), {"id": item_id, "customer": "kim"})

    assert refused.value.code == "BadRequest"


def test_an_item_must_belong_to_the_partition_of_the_request() -> None:
    shop = Shop()

    with pytest.raises(CosmosError, match="doesn't match the one specified in the header"):
        shop.items.create(shop.commit("lee"), {"id": "1", "customer": "kim"})


def test_changes_are_in_commit_order_with_each_item_at_its_last_write() -> None:
    shop = Shop()
    for item_id in ("1", "2", "3"):
        shop.create(item_id)
    shop.items.replace(shop.commit(), "1", {"id": "1", "customer": "kim"})
    shop.items.delete(shop.commit(), "2")

    page = shop.changes()

    assert [json.loads(body)["id"] for body in page.bodies] == ["3", "1"]
    assert lsns(page.bodies) == [3, 4]
    assert page.lsn == 5


def test_a_page_of_changes_never_ends_inside_a_batch() -> None:
    shop = Shop()
    shop.create("0")
    commit = shop.commit()
    for item_id in ("1", "2", "3"):
        shop.items.create(commit, {"id": item_id, "customer": "kim"})
    shop.create("4")

    first = shop.changes(size=2)
    second = shop.changes(after=first.lsn, size=2)

    assert lsns(first.bodies) == [1, 2, 2, 2]
    assert lsns(second.bodies) == [3]


@pytest.mark.parametrize("way", ["deleted", "expired", "partition deleted", "replaced by another of its key"])
def test_no_lsn_is_used_twice_across_a_restart(tmp_path: Path, way: str) -> None:
    # given: a reader has read up to an item that then goes away
    shop = Shop(tmp_path / "cosmos.sqlite3", default_ttl=10)
    shop.create("1")
    if way == "deleted":
        shop.items.delete(shop.commit(), "1")
    elif way == "partition deleted":
        shop.items.delete_partition(shop.commit())
    elif way == "expired":
        shop.clock.now += 10
        shop.items.purge()
    else:
        shop.clock.now += 10
        shop.create("1")
        shop.items.delete(shop.commit(), "1")
    read_up_to = shop.changes().lsn
    shop.storage.commit()
    shop.storage.close()

    # when: something is written after a restart
    again = Shop(tmp_path / "cosmos.sqlite3")
    again.create("new")

    # then: the reader gets it
    assert [json.loads(body)["id"] for body in again.changes(after=read_up_to).bodies] == ["new"]


def test_a_failed_write_does_not_advance_the_lsn() -> None:
    shop = Shop()
    shop.create("1")

    with pytest.raises(CosmosError, match="already exists"):
        shop.create("1")

    assert shop.changes().lsn == 1


def test_a_rollback_leaves_nothing(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "cosmos.sqlite3")
    shop.create("kept")
    shop.storage.commit()

    shop.create("lost")
    shop.storage.rollback()

    assert shop.find("lost") is None
    assert shop.changes().lsn == 1


def test_a_file_in_use_by_another_process_is_not_opened(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "cosmos.sqlite3")
    shop.storage.commit() if shop.storage.pending else None

    with pytest.raises(InUseError):
        Shop(tmp_path / "cosmos.sqlite3")
