"""Recording what operators see and change, before they see it and before it is changed."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from shared.domain.access_record import Access, AccessRecord
from shared.domain.identifiers import Clock, NewId

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Visitor:
    """An operator, and from where the call came. `address`: an IP address, or `unknown`."""

    operator_id: str
    address: str


class AccessRecords(Protocol):
    async def add(self, record: AccessRecord) -> None:
        """Stores a record; storing the same one again succeeds. Raises StoreUnavailable."""


@dataclass(frozen=True)
class RecordAccess:
    """Fails closed: whoever calls it shows and changes nothing unless it has returned."""

    records: AccessRecords
    clock: Clock
    new_id: NewId
    count: Callable[[AccessRecord], None]

    async def __call__(self, access: Access, visitor: Visitor) -> None:
        """Raises StoreUnavailable: nothing may be shown or changed."""
        record = AccessRecord.of(access, self.new_id(), self.clock(), visitor.operator_id, visitor.address)
        await self.records.add(record)
        self.count(record)
        # Whose data, and who: only the record says that.
        count = len(record.customer_ids)
        log.info("access record %s: %s %s, customers: %d", record.id, record.action, record.target, count)
