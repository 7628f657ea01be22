"""Customers in Cosmos DB: each in a partition of its own, together with its outbox events."""

from collections.abc import Sequence
from typing import Any, Final

from azure.cosmos.exceptions import CosmosBatchOperationError, CosmosResourceNotFoundError

from shared.adapters.cosmos import CosmosDatabase, NewestFirst, first_items, status_in_batch
from shared.adapters.customer_documents import (
    customer_document,
    event_document,
    event_documents,
    registration_document,
)
from shared.domain.customer import Customer
from shared.domain.documents import DocumentKind
from shared.domain.errors import AlreadyExists, NotFound, PreconditionFailed
from shared.domain.events import CustomerEvent
from shared.domain.identifiers import CustomerId
from shared.domain.phone_number import PhoneNumber
from shared.domain.registration import Registration
from shared.resources import CUSTOMERS
from shared.settings import Settings
from shared.use_cases.cancelling import StoredCustomer
from shared.use_cases.looking_up import Page, Position

NEWEST_FIRST = NewestFirst(
    container=CUSTOMERS,
    first_page="SELECT TOP @size * FROM c WHERE c.type = @type ORDER BY c.id DESC",
    next_page="SELECT TOP @size * FROM c WHERE c.type = @type AND c.id < @after ORDER BY c.id DESC",
    parameters={"@type": DocumentKind.CUSTOMER.value},
    read=Customer.model_validate,
    position=lambda customer: customer.customer_id,
)


# Only the document of a customer has this property. A condition on the type as well may be looked up instead of it, and
# reads every customer.
BY_PHONE_NUMBER: Final = "SELECT TOP @size * FROM c WHERE c.customerPhone = @number ORDER BY c.id DESC"


class CosmosCustomers:
    """The write model."""

    def __init__(self, database: CosmosDatabase, settings: Settings) -> None:
        self._database = database
        self._settings = settings

    async def add(self, customer: Customer, event: CustomerEvent, *, keep_answer: bool) -> None:
        operations: list[Any] = [
            ("create", (customer_document(customer),)),
            ("create", (event_document(event, self._settings),)),
        ]
        if keep_answer:
            operations.append(("create", (registration_document(Registration.answered(customer), self._settings),)))
        if await self._execute(operations, event, expected=[409]):
            raise AlreadyExists("A customer with this id exists.")

    async def find(self, customer_id: CustomerId) -> StoredCustomer | None:
        document = await self._read(customer_id, customer_id)
        if document is None or document["type"] != DocumentKind.CUSTOMER:
            return None  # a fence has the place of a customer who will never be
        return StoredCustomer(Customer.model_validate(document), document["_etag"])

    async def get(self, customer_id: CustomerId) -> Customer | None:
        stored = await self.find(customer_id)
        return stored.customer if stored else None

    async def replace(self, stored: StoredCustomer, customer: Customer, event: CustomerEvent) -> None:
        # Not the whole document: it may have properties of a later version of this code, which runs beside this one.
        changes = _changes(stored.customer.to_json_object(), customer.to_json_object())
        await self._change(("patch", (customer.customer_id, changes), {"if_match_etag": stored.etag}), event)

    async def remove(self, stored: StoredCustomer, event: CustomerEvent) -> None:
        await self._change(("delete", (stored.customer.customer_id,), {"if_match_etag": stored.etag}), event)

    async def _change(self, operation: tuple[Any, ...], event: CustomerEvent) -> None:
        """Executes the operation on the customer, and stores its event."""
        documents = event_documents([event], self._settings)
        operations: list[Any] = [operation, *(("create", (document,)) for document in documents)]
        status = await self._execute(operations, event, expected=[404, 409, 412])
        if status == 412:
            raise PreconditionFailed("The customer has changed: read it again.")
        if status:
            raise NotFound("There is no customer with this id.")

    async def page(self, size: int, after: Position | None) -> Page[Customer]:
        return await NEWEST_FIRST.page(self._database, size, after)

    async def with_phone_number(self, number: PhoneNumber, at_most: int) -> Sequence[Customer]:
        parameters: dict[str, object] = {"@number": number, "@size": at_most}
        async with self._database.container(CUSTOMERS, "query_items") as container:
            documents = await first_items(container, BY_PHONE_NUMBER, parameters, at_most)
        return [Customer.model_validate(document) for document in documents]

    async def _execute(self, operations: list[Any], event: CustomerEvent, expected: Sequence[int]) -> int | None:
        """Executes a batch that creates the outbox document of `event`, all or nothing.

        Returns None once it is stored, else the status, one of `expected`, of the operation that failed.
        """
        async with self._database.container(CUSTOMERS, "execute_item_batch") as container:
            try:
                await container.execute_item_batch(operations, partition_key=event.subject)
            except CosmosBatchOperationError as error:
                status = status_in_batch(error)
                if status not in expected:
                    raise
            else:
                return None
        # The SDK may have retried a batch that had already succeeded: then the event is stored.
        return None if await self._read(event.id, event.subject) else status

    async def _read(self, document_id: str, customer_id: CustomerId) -> dict[str, Any] | None:
        async with self._database.container(CUSTOMERS, "read_item") as container:
            try:
                return dict(await container.read_item(document_id, partition_key=customer_id))
            except CosmosResourceNotFoundError:
                return None


def _changes(before: dict[str, Any], after: dict[str, Any]) -> list[dict[str, Any]]:
    """The operations of a partial update that lead from one object to the other. Cosmos DB allows ten."""
    changed = [
        {"op": "set", "path": f"/{name}", "value": after[name]} for name in after if before.get(name) != after[name]
    ]
    return changed + [{"op": "remove", "path": f"/{name}"} for name in before if name not in after]
