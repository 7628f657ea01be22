"""Keeping the read model: whatever is known of a customer moves the view forward, or changes nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from shared.domain.customer import FIRST_VERSION
from shared.domain.customer_view import CustomerView, view_of
from shared.domain.errors import AlreadyExists, PreconditionFailed, StoreUnavailable
from shared.domain.events import CustomerEvent
from shared.domain.identifiers import CustomerId

# More than the events of one customer that can be in progress at once: an attempt fails only if another succeeds.
ATTEMPTS: Final = 5
# Contention ends as soon as the other events are done.
CONTENTION_RETRY_AFTER_SECONDS: Final = 1


@dataclass(frozen=True)
class StoredView:
    """A view and the etag of the stored document it was read from."""

    view: CustomerView
    etag: str


class CustomerViews(Protocol):
    async def find(self, customer_id: CustomerId) -> StoredView | None:
        """Raises StoreUnavailable."""

    async def add(self, view: CustomerView) -> None:
        """Raises AlreadyExists, StoreUnavailable."""

    async def replace(self, stored: StoredView, view: CustomerView) -> None:
        """Raises PreconditionFailed if the view has changed since it was read, StoreUnavailable."""


@dataclass(frozen=True)
class MoveView:
    """What is known arrives twice, late, out of order and several at once. What loses a race reads the view again."""

    views: CustomerViews

    async def __call__(self, latest: CustomerView, *, is_first: bool = False) -> bool:
        """Moves the view to `latest`, unless it is there or further. Returns whether that changed it.

        `is_first`: there is probably no view yet. Raises StoreUnavailable.
        """
        # Then it is written at once: reading first would double the cost.
        stored = None if is_first else await self.views.find(latest.customer_id)
        for _ in range(ATTEMPTS):
            view = stored.view.moved_to(latest) if stored else latest
            if view is None:
                return False
            try:
                await (self.views.replace(stored, view) if stored else self.views.add(view))
            except (AlreadyExists, PreconditionFailed):
                stored = await self.views.find(latest.customer_id)
            else:
                return True
        raise StoreUnavailable("The view is being changed by many events at once.", CONTENTION_RETRY_AFTER_SECONDS)


@dataclass(frozen=True)
class UpdateView:
    """Each event moves the view of its customer forward, or changes nothing."""

    move: MoveView
    record_age: Callable[[datetime], None]

    async def __call__(self, event: CustomerEvent) -> None:
        """Updates the view, and records how old the event is if it changed anything. Raises StoreUnavailable.

        A repeated event may be hours old, which says nothing about the view.
        """
        if await self.move(view_of(event), is_first=event.data.version == FIRST_VERSION):
            self.record_age(event.time)
