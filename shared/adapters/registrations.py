"""Postponed registrations in Cosmos DB: each in the partition of its future customer."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from azure.core import MatchConditions
from azure.cosmos.exceptions import (
    CosmosAccessConditionFailedError,
    CosmosBatchOperationError,
    CosmosResourceNotFoundError,
)

from shared.adapters.cosmos import CosmosDatabase, Document, first_items, status_in_batch
from shared.adapters.customer_documents import (
    CANCELLATION_ID,
    REGISTRATION_ID,
    attempt_document,
    customer_document,
    event_documents,
    fence_documents,
    registration_document,
)
from shared.domain.customer import Customer
from shared.domain.errors import AlreadyExists, PreconditionFailed
from shared.domain.events import CustomerEvent
from shared.domain.identifiers import CustomerId
from shared.domain.record import rfc3339
from shared.domain.registration import Registration
from shared.resources import CUSTOMERS
from shared.settings import Settings
from shared.telemetry import traceparent
from shared.use_cases.registrations import StoredRegistration

# Each reads one property, which only those documents have that it is about: the range index has nothing else.
DUE: Final = "SELECT TOP @size * FROM c WHERE c.dueAt < @before ORDER BY c.dueAt"
EXPIRING: Final = "SELECT TOP @size * FROM c WHERE c.endsAt < @before ORDER BY c.endsAt"
# Without the condition, Azure would begin with the documents that have no such property.
OLDEST: Final = "SELECT TOP @size * FROM c WHERE c.pendingSince > '' ORDER BY c.pendingSince"
QUERIES: Final = (DUE, EXPIRING, OLDEST)


class CosmosRegistrations:
    """The document of a registration, with its outbox entries and its customer in one batch."""

    def __init__(self, database: CosmosDatabase, settings: Settings) -> None:
        self._database = database
        self._settings = settings

    async def accept(self, registration: Registration) -> None:
        registration = registration.model_copy(update={"traceparent": registration.traceparent or traceparent()})
        operations: list[Any] = [("create", (self._document(registration),))]
        if attempt := registration.next_attempt:
            operations.append(("create", (attempt_document(attempt, self._settings),)))
        failed = await self._execute(operations, registration.customer_id, expected=[409])
        # The SDK may have repeated a batch that had already succeeded.
        if failed and not _is(await self.find(registration.customer_id), registration):
            raise AlreadyExists("There is another registration with this id.")

    async def find(self, customer_id: CustomerId) -> StoredRegistration | None:
        document = await self._read(REGISTRATION_ID, customer_id)
        return _stored(document) if document else None

    async def replace(self, stored: StoredRegistration, registration: Registration) -> StoredRegistration:
        condition: dict[str, Any] = {"etag": stored.etag, "match_condition": MatchConditions.IfNotModified}
        async with self._database.container(CUSTOMERS, "replace_item") as container:
            try:
                document = await container.replace_item(REGISTRATION_ID, self._document(registration), **condition)
            except (CosmosAccessConditionFailedError, CosmosResourceNotFoundError):
                pass
            else:
                return StoredRegistration(registration, document["_etag"])
        # The SDK may have repeated a request that had already succeeded.
        current = await self.find(registration.customer_id)
        if current is None or not _is(current, registration):
            raise PreconditionFailed("The registration has changed: read it again.")
        return current

    async def settle(
        self,
        stored: StoredRegistration,
        registration: Registration,
        events: Sequence[CustomerEvent],
        customer: Customer | None = None,
    ) -> None:
        document, condition = self._document(registration), {"if_match_etag": stored.etag}
        operations: list[Any] = [("replace", (REGISTRATION_ID, document), condition)]
        parent = stored.registration.traceparent
        operations += [("create", (each,)) for each in event_documents(events, self._settings, parent)]
        if customer:
            operations.append(("create", (customer_document(customer),)))
        status = await self._execute(operations, registration.customer_id, expected=[404, 409, 412])
        if status and not await self._is_settled(registration, events):
            if status == 409:
                raise AlreadyExists("A customer with this id exists.")
            raise PreconditionFailed("The registration has changed: read it again.")

    async def _is_settled(self, registration: Registration, events: Sequence[CustomerEvent]) -> bool:
        """Whether a batch that failed had succeeded before, when the SDK sent it first: its events are stored."""
        if events:
            return await self._read(events[0].id, registration.customer_id) is not None
        return _is(await self.find(registration.customer_id), registration)

    async def is_canceled(self, customer_id: CustomerId) -> bool:
        return await self._read(CANCELLATION_ID, customer_id) is not None

    async def fence_off(self, registration: Registration) -> None:
        operations: list[Any] = [("create", (each,)) for each in fence_documents(registration, self._settings)]
        if await self._execute(operations, registration.customer_id, expected=[409]):
            raise AlreadyExists("There is a registration or a customer with this id.")

    async def due_before(self, moment: datetime, size: int) -> Sequence[StoredRegistration]:
        return await self._oldest(DUE, size, moment)

    async def expiring_before(self, moment: datetime, size: int) -> Sequence[StoredRegistration]:
        return await self._oldest(EXPIRING, size, moment)

    async def oldest(self) -> datetime | None:
        found = await self._oldest(OLDEST, 1)
        return found[0].registration.accepted_at if found else None

    async def _oldest(self, query: str, size: int, before: datetime | None = None) -> Sequence[StoredRegistration]:
        parameters = {"@size": size, **({"@before": rfc3339(before)} if before else {})}
        async with self._database.container(CUSTOMERS, "query_items") as container:
            documents = await first_items(container, query, parameters, size)
        return [_stored(document) for document in documents]

    async def _execute(self, operations: list[Any], customer_id: CustomerId, expected: Sequence[int]) -> int | None:
        """Executes a batch. Returns None, or the status, one of `expected`, of the operation that failed."""
        async with self._database.container(CUSTOMERS, "execute_item_batch") as container:
            try:
                await container.execute_item_batch(operations, partition_key=customer_id)
            except CosmosBatchOperationError as error:
                status = status_in_batch(error)
                if status not in expected:
                    raise
                return status
        return None

    async def _read(self, document_id: str, customer_id: CustomerId) -> Document | None:
        async with self._database.container(CUSTOMERS, "read_item") as container:
            try:
                return dict(await container.read_item(document_id, partition_key=customer_id))
            except CosmosResourceNotFoundError:
                return None

    def _document(self, registration: Registration) -> Document:
        return registration_document(registration, self._settings)


def _stored(document: Document) -> StoredRegistration:
    return StoredRegistration(Registration.model_validate(document), document["_etag"])


def _content(registration: Registration) -> Document:
    """As it is stored, whoever stored it."""
    return registration.model_copy(update={"traceparent": None}).to_json_object()


def _is(stored: StoredRegistration | None, registration: Registration) -> bool:
    """Whether this is what is stored. Another writer's attempt differs, because pauses are random."""
    return stored is not None and _content(stored.registration) == _content(registration)
