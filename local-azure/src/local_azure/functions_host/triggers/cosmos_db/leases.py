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


class LeaseLost(Exception):
    """Another host has taken the lease."""


@dataclass(frozen=True, slots=True)
class Lease:
    """`continuation` None: nothing has been read. `expires`: seconds since 1970."""

    owner: str
    continuation: str | None
    expires: float
    etag: str


class LeaseStore:
    """The lease `identity` in `container`, for `owner`. `duration` in seconds.

    The owner is the app, not the process: a host that was killed gets its lease back at once after a restart.
    """

    def __init__(
        self,
        container: ContainerProxy,
        identity: str,
        owner: str,
        duration: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._container = container
        self._identity = identity
        self._owner = owner
        self._duration = duration
        self._clock = clock

    async def acquire(self) -> Lease | None:
        """Acquires the lease. None while another owner has it."""
        try:
            document = await self._container.read_item(self._identity, partition_key=self._identity)
        except CosmosResourceNotFoundError:
            return await self._create()
        lease = _lease(document)
        if lease.owner not in ("", self._owner) and lease.expires > self._clock():
            return None
        try:
            return await self.write(replace(lease, owner=self._owner))
        except LeaseLost:
            return None

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
            "expires": self._clock() + self._duration,
        }


def _lease(document: Any) -> Lease:
    return Lease(
        owner=document["owner"],
        continuation=document["continuation"],
        expires=document["expires"],
        etag=document["_etag"],
    )


def lease_identity(prefix: str, database: str, container: str) -> str:
    return f"{prefix}{database}.{container}..0"
