"""Removing messages that have expired and were kept: Service Bus moves them to the dead letters, and keeps those.

Until they expire nobody touches them: people send them again, once they can be handled (tools/delivery/redrive.py).
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from shared.domain.customer import Customer
from shared.domain.customer_view import CustomerView
from shared.domain.identifiers import CustomerId
from shared.use_cases.forgetting import DatabaseClock
from shared.use_cases.looking_up import ReadItem
from shared.use_cases.projecting import MoveView

log = logging.getLogger(__name__)

UNREADABLE: Final = "unreadable message"


@dataclass(frozen=True)
class ExpiredMessage:
    """What is said about a message once it is gone. Nothing in it is about the person.

    `customer_id`: None if the message does not tell. `description`: type, id, version and time of its event.
    """

    customer_id: CustomerId | None
    description: str = UNREADABLE


type Removal = Callable[[ExpiredMessage], Awaitable[None]]


class KeptMessages(Protocol):
    """Where messages lie that were not handled."""

    @property
    def name(self) -> str:
        """For logs and metrics."""

    async def remove_expired(self, now: datetime, before_removal: Removal) -> int:
        """Removes what has expired, each after `before_removal`, and leaves the others. Returns how many.

        `now`: by the clock of Azure. Raises PublisherUnavailable, and what `before_removal` raises.
        """


@dataclass(frozen=True)
class RemoveExpired:
    """Removes from each place, and says so in one line for each message. `settle`: what is left to do for it."""

    places: Sequence[KeptMessages]
    clock: DatabaseClock
    settle: Removal
    count_expired: Callable[[str], None]

    async def __call__(self) -> None:
        """Raises StoreUnavailable, PublisherUnavailable."""
        now = await self.clock.now()
        for place in self.places:

            async def remove(message: ExpiredMessage, name: str = place.name) -> None:
                await self.settle(message)
                log.warning("expired, and removed from %s: %s", name, message.description)
                self.count_expired(name)

            await place.remove_expired(now, remove)


async def nothing_left(_: ExpiredMessage) -> None:
    """An alert that has expired is not sent, and everything else that it would have done is done by other ways."""


@dataclass(frozen=True)
class RebuildView:
    """Makes the view of a customer as it should be, although an event about it has expired."""

    customers: ReadItem[CustomerId, Customer]
    move: MoveView

    async def __call__(self, message: ExpiredMessage) -> None:
        """Does nothing for one who has cancelled, whose view follows from the cancellation. Raises StoreUnavailable."""
        if message.customer_id and (customer := await self.customers.get(message.customer_id)):
            await self.move(CustomerView.of(customer))
