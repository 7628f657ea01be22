"""Leases of change feeds: who may take one, and when."""

from typing import Any, cast

import pytest
from azure.core import MatchConditions
from azure.cosmos.aio import ContainerProxy
from azure.cosmos.exceptions import (
    CosmosAccessConditionFailedError,
    CosmosResourceExistsError,
    CosmosResourceNotFoundError,
)

from local_azure.functions_host.triggers.cosmos_db.leases import LeaseStore

DURATION = 60.0


class Container:
    """A container with ETags, as far as leases need it."""

    def __init__(self) -> None:
        self.documents: dict[str, dict[str, Any]] = {}
        self._writes = 0

    async def read_item(self, identity: str, partition_key: str) -> dict[str, Any]:
        if identity not in self.documents:
            raise CosmosResourceNotFoundError
        return self.documents[identity]

    async def create_item(self, body: dict[str, Any]) -> dict[str, Any]:
        if body["id"] in self.documents:
            raise CosmosResourceExistsError
        return self._stored(body)

    async def replace_item(
        self, identity: str, body: dict[str, Any], etag: str, match_condition: MatchConditions
    ) -> dict[str, Any]:
        assert match_condition is MatchConditions.IfNotModified
        if self.documents[identity]["_etag"] != etag:
            raise CosmosAccessConditionFailedError
        return self._stored(body)

    def _stored(self, body: dict[str, Any]) -> dict[str, Any]:
        self._writes += 1
        self.documents[body["id"]] = {**body, "_etag": str(self._writes)}
        return self.documents[body["id"]]


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def store_of(owner: str, container: Container, clock: Clock) -> LeaseStore:
    return LeaseStore(cast(ContainerProxy, container), "feed", owner, DURATION, clock)


async def test_a_lease_that_is_not_renewed_expires_for_a_host_that_watches_it() -> None:
    container, clock = Container(), Clock()
    await store_of("dead", container, clock).acquire()
    other = store_of("other", container, clock)

    assert await other.acquire() is None
    clock.now += DURATION - 1
    assert await other.acquire() is None
    clock.now += 1
    taken = await other.acquire()

    assert taken is not None
    assert taken.owner == "other"


@pytest.mark.parametrize("offset", [-3600.0, 3600.0])
async def test_the_clock_of_the_owner_does_not_matter(offset: float) -> None:
    container, clock, clock_of_owner = Container(), Clock(), Clock()
    clock_of_owner.now = offset
    owner = store_of("alive", container, clock_of_owner)
    lease = await owner.acquire()
    other = store_of("other", container, clock)

    for _ in range(10):
        assert lease is not None
        lease = await owner.write(lease)
        assert await other.acquire() is None
        clock.now += DURATION / 3


async def test_the_same_app_gets_its_lease_back_at_once() -> None:
    container, clock = Container(), Clock()
    await store_of("app", container, clock).acquire()

    assert await store_of("app", container, clock).acquire() is not None


async def test_a_released_lease_is_free_at_once() -> None:
    container, clock = Container(), Clock()
    first = store_of("one", container, clock)
    lease = await first.acquire()
    assert lease is not None
    await first.release(lease)

    assert await store_of("two", container, clock).acquire() is not None


async def test_a_lease_stored_without_its_duration_expires_too() -> None:
    container, clock = Container(), Clock()
    container.documents["feed"] = {
        "id": "feed",
        "owner": "old",
        "continuation": "5",
        "expires": 9_999_999_999.0,
        "_etag": "x",
    }
    other = store_of("other", container, clock)

    assert await other.acquire() is None
    clock.now += 60
    taken = await other.acquire()

    assert taken is not None
    assert taken.continuation == "5"
