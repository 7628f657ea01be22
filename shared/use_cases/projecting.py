"""Keeping the read model: each event moves its customer's view forward, or changes nothing."""

from dataclasses import dataclass
from typing import Protocol

from shared.domain.customer import FIRST_VERSION
from shared.domain.customer_view import CustomerView, project
from shared.domain.errors import AlreadyExists, PreconditionFailed, StoreUnavailable
from shared.domain.events import CustomerEvent

ATTEMPTS = 5


@dataclass(frozen=True)
class StoredView:
    """A view and the mark of the stored state it was read from."""

    view: CustomerView
    etag: str


class CustomerViews(Protocol):
    async def find(self, customer_id: str) -> StoredView | None:
        """Raises StoreUnavailable."""

    async def add(self, view: CustomerView) -> None:
        """Raises AlreadyExists, StoreUnavailable."""

    async def replace(self, stored: StoredView, view: CustomerView) -> None:
        """Raises PreconditionFailed if the view has changed since it was read, StoreUnavailable."""


@dataclass(frozen=True)
class UpdateView:
    """Events come twice, late and out of order, and several at once: the one that loses a race looks again."""

    views: CustomerViews

    async def __call__(self, event: CustomerEvent) -> None:
        """Updates the view. Raises StoreUnavailable: then the event must come again."""
        # A first event usually finds no view: then one write does, and a reading first would double the cost.
        stored = None if event.data.version == FIRST_VERSION else await self.views.find(event.data.customer_id)
        for _ in range(ATTEMPTS):
            view = project(stored.view if stored else None, event)
            if view is None:
                return
            try:
                await (self.views.replace(stored, view) if stored else self.views.add(view))
            except (AlreadyExists, PreconditionFailed):
                stored = await self.views.find(event.data.customer_id)
            else:
                return
        raise StoreUnavailable("The view is being changed by many at once.", retry_after=1)
