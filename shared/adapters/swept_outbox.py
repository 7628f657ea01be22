"""The outbox in Cosmos DB as the sweep reads it, and the mark of how far it was swept."""

from typing import Any, Final

from azure.core import MatchConditions
from azure.cosmos.exceptions import (
    CosmosAccessConditionFailedError,
    CosmosResourceExistsError,
    CosmosResourceNotFoundError,
)

from shared.adapters.cosmos import CosmosDatabase, first_items
from shared.domain.documents import DocumentKind
from shared.domain.errors import PreconditionFailed
from shared.resources import CUSTOMERS
from shared.use_cases.publishing import read_outbox
from shared.use_cases.sweeping import OutboxPage, SweepMark

# The id of the mark and of the partition that it has to itself.
MARK_ID: Final = DocumentKind.SWEEP.value
# Ids are UUIDv7, so this is a range of time. It sorts by one property, so that its range index serves it.
EVENTS_BETWEEN: Final = (
    "SELECT TOP @size * FROM c WHERE c.type = @type AND c.id > @after AND c.id < @before ORDER BY c.id"
)


class CosmosSweptOutbox:
    """Events of all customers, oldest first."""

    def __init__(self, database: CosmosDatabase) -> None:
        self._database = database

    async def mark(self) -> SweepMark:
        async with self._database.container(CUSTOMERS, "read_item") as container:
            try:
                document = await container.read_item(MARK_ID, partition_key=MARK_ID)
            except CosmosResourceNotFoundError:
                return SweepMark()
        return SweepMark(document["sweptTo"], document["_etag"])

    async def page(self, after: str, before: str, size: int) -> OutboxPage:
        parameters = {"@type": DocumentKind.EVENT.value, "@after": after, "@before": before, "@size": size}
        async with self._database.container(CUSTOMERS, "query_items") as container:
            documents = await first_items(container, EVENTS_BETWEEN, parameters, size)
        last_id = documents[-1]["id"] if documents else None
        return OutboxPage(read_outbox(documents).events, last_id, is_last=len(documents) < size)

    async def move_mark(self, mark: SweepMark, swept_to: str) -> SweepMark:
        document = {"id": MARK_ID, "customerId": MARK_ID, "type": DocumentKind.SWEEP.value, "sweptTo": swept_to}
        operation = "replace_item" if mark.etag else "create_item"
        async with self._database.container(CUSTOMERS, operation) as container:
            try:
                if mark.etag:
                    condition: dict[str, Any] = {"etag": mark.etag, "match_condition": MatchConditions.IfNotModified}
                    stored = await container.replace_item(MARK_ID, document, **condition)
                else:
                    stored = await container.create_item(document)
            except (CosmosAccessConditionFailedError, CosmosResourceExistsError, CosmosResourceNotFoundError):
                raise PreconditionFailed("The mark of the sweep has changed since it was read.") from None
        return SweepMark(swept_to, stored["_etag"])
