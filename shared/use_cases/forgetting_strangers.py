"""Forgetting messages to people who never became customers: docs/decisions/0034-forgetting.md.

KakaoTalk is told first. If storing the customer fails afterwards, there is a message about somebody who is not
registered, and whom no cancellation will ever name.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final, Protocol

from shared.domain.customer import Customer
from shared.domain.forgetting import FORGET_AFTER
from shared.domain.identifiers import CustomerId
from shared.domain.record import rfc3339
from shared.use_cases.forgetting import DatabaseClock
from shared.use_cases.looking_up import ReadItem
from shared.use_cases.marks import Marks
from shared.use_cases.paged_run import LookedAt, PagedRun

UNKNOWN_AFTER: Final = FORGET_AFTER - timedelta(days=1)
"""From sending a message until its customer is looked for. Who is registered later has a message without details."""

MESSAGES_A_PAGE: Final = 100
# One read each: of a hundred registrations a second, a hundred are due.
MESSAGES_A_SECOND: Final = 150
RUN: Final = PagedRun("forgetting strangers", MESSAGES_A_SECOND, longest_seconds=200)


@dataclass(frozen=True)
class SentMessage:
    """`position`: in the order of sending. `is_to_look_for`: it is about a registration, and tells something."""

    position: str
    customer_id: CustomerId
    is_to_look_for: bool


class SentMessages(Protocol):
    async def sent_between(self, after: str, before: str, size: int) -> Sequence[SentMessage]:
        """At most `size` between the two positions, which are excluded, in their order. Raises StoreUnavailable."""

    async def forget(self, customer_id: CustomerId) -> None:
        """Takes what is about the person off all messages of this one. Raises StoreUnavailable."""


@dataclass(frozen=True)
class ForgetStrangers:
    """Looks once for the customer of each message. `seconds`: a clock that never goes back."""

    messages: SentMessages
    customers: ReadItem[CustomerId, Customer]
    marks: Marks
    clock: DatabaseClock
    seconds: Callable[[], float]

    async def __call__(self) -> None:
        """Goes on where the last run ended, and ends early once another run is faster. Raises StoreUnavailable."""
        before = rfc3339(await self.clock.now() - UNKNOWN_AFTER)
        await RUN(self.marks, self.seconds, partial(self._look_for_customers, before))

    async def _look_for_customers(self, before: str, after: str) -> LookedAt:
        page = await self.messages.sent_between(after, before, MESSAGES_A_PAGE)
        for message in page:
            if message.is_to_look_for and await self.customers.get(message.customer_id) is None:
                await self.messages.forget(message.customer_id)
        return LookedAt(len(page), page[-1].position if page else after, len(page) < MESSAGES_A_PAGE)
