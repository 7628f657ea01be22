"""Customers in Cosmos DB: each in a partition of its own, together with its outbox events."""

from typing import Any

from azure.cosmos.exceptions import (
    CosmosBatchOperationError,
    CosmosResourceNotFoundError,
)

from shared.adapters.cosmos import CosmosDatabase, first_items, status_in_batch
from shared.domain.customer import Customer
from shared.domain.errors import AlreadyExists, NotFound, PreconditionFailed
from shared.domain.events import CustomerEvent
from shared.domain.identifiers import is_uuid
from shared.metrics import cancellations, registrations
from shared.resources import CUSTOMERS
from shared.settings import Settings
from shared.telemetry import traceparent
from shared.use_cases.cancelling import StoredCustomer
from shared.use_cases.looking_up import Page, Position

FIRST_ANSWER = "first-answer"

NEWEST = "SELECT TOP @size * FROM c WHERE c.type = 'customer' ORDER BY c.id DESC"
NEWEST_AFTER = "SELECT TOP @size * FROM c WHERE c.type = 'customer' AND c.id < @after ORDER BY c.id DESC"


class CosmosCustomers:
    """The write model."""

    def __init__(self, database: CosmosDatabase, settings: Settings) -> None:
        self._database = database
        self._settings = settings

    async def add(self, customer: Customer, event: CustomerEvent, *, keep_answer: bool) -> None:
        operations: list[Any] = [
            ("create", (_document(customer),)),
            ("create", (self._outbox_document(event),)),
        ]
        if keep_answer:
            operations.append(("create", (self._first_answer_document(customer),)))
        exists = False
        async with self._database.container(CUSTOMERS, "execute_item_batch") as container:
            try:
                await container.execute_item_batch(operations, partition_key=customer.customer_id)
            except CosmosBatchOperationError as error:
                if status_in_batch(error) != 409:
                    raise
                exists = True
        # The request may have been repeated below us after the first one was done: then our event is there.
        if not exists or await self._read(event.id, customer.customer_id):
            # Here, and not for an answer given again: an alert compares what was registered with what was published.
            registrations.add(1)
        if exists:
            raise AlreadyExists("A customer of this id exists.")

    async def first_answer(self, customer_id: str) -> Customer | None:
        document = await self._read(FIRST_ANSWER, customer_id)
        return Customer.model_validate(document["customer"]) if document else None

    async def find(self, customer_id: str) -> StoredCustomer | None:
        document = await self._read(customer_id, customer_id)
        return StoredCustomer(Customer.model_validate(document), document["_etag"]) if document else None

    async def get(self, customer_id: str) -> Customer | None:
        stored = await self.find(customer_id) if is_uuid(customer_id) else None
        return stored.customer if stored else None

    async def remove(self, stored: StoredCustomer, event: CustomerEvent) -> None:
        customer_id = stored.customer.customer_id
        operations: list[Any] = [
            ("delete", (customer_id,), {"if_match_etag": stored.etag}),
            ("create", (self._outbox_document(event),)),
        ]
        async with self._database.container(CUSTOMERS, "execute_item_batch") as container:
            try:
                await container.execute_item_batch(operations, partition_key=customer_id)
            except CosmosBatchOperationError as error:
                status = status_in_batch(error)
                if status not in (404, 409, 412):
                    raise
            else:
                cancellations.add(1)
                return
        # The request may have been repeated below us after the first one was done: then our event is there.
        if await self._read(event.id, customer_id):
            cancellations.add(1)
            return
        if status == 412:
            raise PreconditionFailed("The customer has changed since: read it again.")
        raise NotFound("There is no customer of this id.")

    async def page(self, size: int, after: Position | None) -> Page[Customer]:
        parameters: dict[str, object] = {"@size": size + 1}
        if after:
            parameters["@after"] = after
        async with self._database.container(CUSTOMERS, "query_items") as container:
            documents = await first_items(container, NEWEST_AFTER if after else NEWEST, parameters, size + 1)
        customers = [Customer.model_validate(document) for document in documents[:size]]
        more = len(documents) > size
        return Page(customers, customers[-1].customer_id if more else None)

    async def _read(self, document_id: str, customer_id: str) -> dict[str, Any] | None:
        async with self._database.container(CUSTOMERS, "read_item") as container:
            try:
                return dict(await container.read_item(document_id, partition_key=customer_id))
            except CosmosResourceNotFoundError:
                return None

    def _outbox_document(self, event: CustomerEvent) -> dict[str, Any]:
        return {
            "id": event.id,
            "customerId": event.subject,
            "type": "event",
            "event": event.to_json_object(),
            "traceparent": traceparent(),
            "ttl": self._settings.outbox_ttl_seconds,
        }

    def _first_answer_document(self, customer: Customer) -> dict[str, Any]:
        return {
            "id": FIRST_ANSWER,
            "customerId": customer.customer_id,
            "type": "first-answer",
            "customer": customer.to_json_object(),
            "ttl": self._settings.idempotency_ttl_seconds,
        }


def _document(customer: Customer) -> dict[str, Any]:
    return {"id": customer.customer_id, "type": "customer", **customer.to_json_object()}
