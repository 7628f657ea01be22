"""Cancellations in Cosmos DB: each in the partition of its customer, and all of them in the order of their events."""

import logging
from collections.abc import Iterator, Sequence
from typing import Final

from azure.cosmos.exceptions import CosmosAccessConditionFailedError, CosmosResourceNotFoundError
from pydantic import ValidationError

from shared.adapters.cosmos import CosmosDatabase, Document, first_items
from shared.adapters.customer_documents import CANCELLATION_ID
from shared.domain.cancellation import Cancellation
from shared.domain.identifiers import CustomerId
from shared.resources import CUSTOMERS
from shared.use_cases.forgetting import CancellationPage

log = logging.getLogger(__name__)

# Only cancellations have the property, so its index has nothing else. It is a UUIDv7: this is a range of time.
BETWEEN: Final = (
    "SELECT TOP @size * FROM c WHERE c.cancellation > @after AND c.cancellation < @before ORDER BY c.cancellation"
)


class CosmosCancellations:
    """Readable for every app, because each has something to forget."""

    def __init__(self, database: CosmosDatabase) -> None:
        self._database = database

    async def find(self, customer_id: CustomerId) -> Cancellation | None:
        async with self._database.container(CUSTOMERS, "read_item") as container:
            try:
                document = await container.read_item(CANCELLATION_ID, partition_key=customer_id)
            except CosmosResourceNotFoundError:
                return None
        return Cancellation.model_validate(document)

    async def page(self, after: str, before: str, size: int) -> CancellationPage:
        parameters: dict[str, object] = {"@after": after, "@before": before, "@size": size}
        async with self._database.container(CUSTOMERS, "query_items") as container:
            documents = await first_items(container, BETWEEN, parameters, size)
        last_id = documents[-1]["cancellation"] if documents else None
        return CancellationPage(list(_readable(documents)), last_id, is_last=len(documents) < size)

    async def forget_claim(self, customer_id: CustomerId) -> None:
        """Removes the id of the claim, once that is gone. Raises StoreUnavailable."""
        async with self._database.container(CUSTOMERS, "patch_item") as container:
            try:
                await container.patch_item(
                    CANCELLATION_ID,
                    partition_key=customer_id,
                    patch_operations=[{"op": "remove", "path": "/claimId"}],
                    filter_predicate="FROM c WHERE IS_DEFINED(c.claimId)",
                )
            except (CosmosAccessConditionFailedError, CosmosResourceNotFoundError):
                return  # removed already, or expired


def _readable(documents: Sequence[Document]) -> Iterator[Cancellation]:
    for document in documents:
        try:
            yield Cancellation.model_validate(document)
        except ValidationError:
            # Without the stack trace, which adds nothing.
            log.error("cancellation %s is unreadable, and was left out", document.get("cancellation"))  # noqa: TRY400
