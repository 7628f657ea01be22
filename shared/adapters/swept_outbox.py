"""The outbox in Cosmos DB as the sweep reads it, and as it is renewed."""

from datetime import timedelta
from typing import Any, Final

from azure.cosmos.exceptions import CosmosBatchOperationError

from shared.adapters.cosmos import CosmosDatabase, first_items, status_in_batch
from shared.domain.documents import DocumentKind
from shared.domain.identifiers import new_uuid7, utc_now
from shared.domain.outbox import OutboxEvent
from shared.resources import CUSTOMERS
from shared.settings import Settings
from shared.use_cases.publishing import read_outbox
from shared.use_cases.sweeping import OutboxPage

# Ids are UUIDv7, so this is a range of time. It sorts by one property, so that its range index serves it.
EVENTS_BETWEEN: Final = (
    "SELECT TOP @size * FROM c WHERE c.type = @type AND c.id > @after AND c.id < @before ORDER BY c.id"
)


class CosmosSweptOutbox:
    """Events of all customers, oldest first."""

    def __init__(self, database: CosmosDatabase, settings: Settings) -> None:
        self._database = database
        self._lifetime = timedelta(seconds=settings.outbox_ttl_seconds)

    async def page(self, after: str, before: str, size: int) -> OutboxPage:
        parameters = {"@type": DocumentKind.EVENT.value, "@after": after, "@before": before, "@size": size}
        async with self._database.container(CUSTOMERS, "query_items") as container:
            documents = await first_items(container, EVENTS_BETWEEN, parameters, size)
        last_id = documents[-1]["id"] if documents else None
        return OutboxPage(read_outbox(documents).events, last_id, is_last=len(documents) < size)

    async def renew(self, event: OutboxEvent) -> bool:
        renewed = event.renewed(new_uuid7(), self._lifetime, utc_now())
        operations: list[Any] = [
            # Fails without a customer, and the whole batch with it: nobody cancels between looking and storing.
            ("read", (event.customer_id,)),
            ("delete", (event.id,)),
            ("create", (renewed.to_json_object(),)),
        ]
        async with self._database.container(CUSTOMERS, "execute_item_batch") as container:
            try:
                await container.execute_item_batch(operations, partition_key=event.customer_id)
            except CosmosBatchOperationError as error:
                if status_in_batch(error) != 404:
                    raise
                return False
        return True
