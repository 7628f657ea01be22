"""What customers see of their own without knowing an id: their registration, and everything that is stored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from shared.domain.callers import Owner
from shared.domain.customer import Customer
from shared.domain.customer_view import CustomerView
from shared.domain.errors import NotFound
from shared.domain.identifiers import CustomerId
from shared.domain.kakao_message import KakaoMessage
from shared.domain.registration import Registration, RegistrationStatus
from shared.use_cases.looking_up import ReadItem
from shared.use_cases.registrations import StoredRegistration


class OwnClaims(Protocol):
    async def find(self, owner: Owner) -> CustomerId | None:
        """The registration that the owner has claimed last, whatever has become of it. Raises StoreUnavailable."""


class OwnRegistrations(Protocol):
    async def find(self, customer_id: CustomerId) -> StoredRegistration | None:
        """Raises StoreUnavailable."""


class MessagesOfOne(Protocol):
    async def messages(self, customer_id: CustomerId) -> Sequence[KakaoMessage]:
        """All that the customer was sent, or would have been; the oldest first. Raises StoreUnavailable."""


@dataclass(frozen=True)
class OwnRegistration:
    """A customer, or a registration that is pending, and what KakaoTalk said about it."""

    registration: CustomerView | Registration
    messages: Sequence[KakaoMessage]


@dataclass(frozen=True)
class LookUpOwnRegistration:
    """The claim names it, and the read model shows it. Until the first event has arrived, the write model does."""

    claims: OwnClaims
    views: ReadItem[CustomerId, CustomerView]
    customers: ReadItem[CustomerId, Customer]
    registrations: OwnRegistrations
    sent: MessagesOfOne

    async def __call__(self, owner: Owner) -> OwnRegistration:
        """Raises NotFound without a live or pending one, StoreUnavailable."""
        registration_id = await self.claims.find(owner)
        found = await self._find(registration_id) if registration_id else None
        if registration_id is None or found is None or found.owner != owner:
            raise NotFound("You have no registration.")
        return OwnRegistration(found, await self.sent.messages(registration_id))

    async def _find(self, registration_id: CustomerId) -> CustomerView | Registration | None:
        if view := await self.views.get(registration_id):
            return view if view.status == "REGISTERED" else None
        if customer := await self.customers.get(registration_id):
            return CustomerView.of(customer)
        stored = await self.registrations.find(registration_id)
        if stored and stored.registration.is_pending:
            return stored.registration
        # It may have been registered between the two reads.
        is_registered = stored and stored.registration.status is RegistrationStatus.REGISTERED
        customer = await self.customers.get(registration_id) if is_registered else None
        return CustomerView.of(customer) if customer else None


@dataclass(frozen=True)
class StoredDocument:
    """A document as it is stored, without what the database adds. `container`: where it is kept."""

    container: str
    content: Mapping[str, Any]


class OwnDocuments(Protocol):
    async def claim(self, owner: Owner) -> Sequence[StoredDocument]:
        """The owner's claim, if there is one. Raises StoreUnavailable."""

    async def ids_of_views(self, owner: Owner) -> Sequence[CustomerId]:
        """The customers whose view names the owner. Raises StoreUnavailable."""

    async def about(self, customer_id: CustomerId) -> Sequence[StoredDocument]:
        """Everything in the customer's partitions of all containers. Raises StoreUnavailable."""


@dataclass(frozen=True)
class CollectOwnDocuments:
    """Whole partitions are read, so no kind of document can be forgotten here.

    The last registration is found by the claim. An earlier one that was cancelled a moment ago may still have its view.
    """

    claims: OwnClaims
    documents: OwnDocuments

    async def __call__(self, owner: Owner) -> Sequence[StoredDocument]:
        """Raises NotFound if nothing is stored, StoreUnavailable."""
        claimed = await self.claims.find(owner)
        ids = {*([claimed] if claimed else []), *await self.documents.ids_of_views(owner)}
        found = [*await self.documents.claim(owner)]
        for customer_id in sorted(ids, reverse=True):
            found += await self.documents.about(customer_id)
        if not found:
            raise NotFound("Nothing is stored about you.")
        return found
