"""The lease of a change feed, a document in the lease container: its owner and the position in the feed.

One lease covers the whole container: the SDK's continuation follows its partitions, also after a split.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from azure.core import MatchConditions
from azure.cosmos.aio import ContainerProxy
from azure.cosmos.exceptions import (
    CosmosAccessConditionFailedError,
    CosmosResourceExistsError,
    CosmosResourceNotFoundError,
)

LEASE_SECONDS = 60.0  # the default of Azure's change feed trigger, for leases that were stored without their duration


class LeaseLost(Exception):
    """Another host has taken the lease."""


@dataclass(frozen=True, slots=True)
class Lease:
    """`continuation` None: nothing has been read. `duration`: seconds for which it is valid after each write."""

    owner: str
    continuation: str | None
    duration: float
    etag: str


class LeaseStore:
    """The lease `identity` in `container`, for `owner`. `duration` in seconds.

    The owner is the app, not the process: a host that was killed gets its lease back at once after a restart. A lease
    of another owner has expired once this host has seen it unchanged for as long as it is valid. No clock is compared
    with that of another process, so that a step of the wall clock changes nothing. `clock`: seconds, monotonic.
    """

    def __init__(
        self,
        container: ContainerProxy,
        identity: str,
        owner: str,
        duration: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._container = container
        self._identity = identity
        self._owner = owner
        self._duration = duration
        self._clock = clock
        self._seen_etag = ""
        self._seen_at = 0.0

    async def acquire(self) -> Lease | None:
        """Acquires the lease. None while another owner has it."""
        try:
            document = await self._container.read_item(self._identity, partition_key=self._identity)
        except CosmosResourceNotFoundError:
            return await self._create()
        lease = _lease(document)
        if lease.owner not in ("", self._owner) and not self._has_expired(lease):
            return None
        try:
            return await self.write(replace(lease, owner=self._owner))
        except LeaseLost:
            return None

    def _has_expired(self, lease: Lease) -> bool:
        now = self._clock()
        if lease.etag != self._seen_etag:
            self._seen_etag, self._seen_at = lease.etag, now
        return now - self._seen_at >= lease.duration

    async def write(self, lease: Lease) -> Lease:
        """Stores and renews `lease`. Raises LeaseLost if another host has written it."""
        body = self._document(lease.owner, lease.continuation)
        try:
            document = await self._container.replace_item(
                self._identity, body, etag=lease.etag, match_condition=MatchConditions.IfNotModified
            )
        except (CosmosAccessConditionFailedError, CosmosResourceNotFoundError):
            raise LeaseLost from None
        return _lease(document)

    async def release(self, lease: Lease) -> None:
        """Clears the owner."""
        await self.write(replace(lease, owner=""))

    async def _create(self) -> Lease | None:
        try:
            return _lease(await self._container.create_item(self._document(self._owner, None)))
        except CosmosResourceExistsError:
            return None

    def _document(self, owner: str, continuation: str | None) -> dict[str, Any]:
        return {
            "id": self._identity,
            "owner": owner,
            "continuation": continuation,
            "duration": self._duration,
        }


def _lease(document: Any) -> Lease:
    return Lease(
        owner=document["owner"],
        continuation=document["continuation"],
        duration=document.get("duration", LEASE_SECONDS),
        etag=document["_etag"],
    )


def lease_identity(prefix: str, database: str, container: str) -> str:
    return f"{prefix}{database}.{container}..0"
