"""Idempotency keys in Cosmos DB: in any container partitioned by customer id, each key in a partition of its own."""

from datetime import timedelta
from typing import Final

from azure.core import MatchConditions
from azure.cosmos.exceptions import (
    CosmosAccessConditionFailedError,
    CosmosResourceExistsError,
    CosmosResourceNotFoundError,
)

from shared.adapters.cosmos import CosmosDatabase
from shared.domain.documents import DocumentKind
from shared.domain.errors import StoreUnavailable
from shared.domain.idempotency import Reservation, digest
from shared.domain.identifiers import CustomerId
from shared.settings import Settings

# The key is free again, so the client may retry immediately.
EXPIRED_RETRY_AFTER_SECONDS: Final = 1


class CosmosReservations:
    """Whoever creates the document first owns the key, until the document expires."""

    def __init__(self, database: CosmosDatabase, container: str, settings: Settings) -> None:
        self._database = database
        self._container = container
        self._settings = settings

    async def reserve(self, key: str, reservation: Reservation, lifetime: timedelta | None = None) -> Reservation:
        document_id = _document_id(digest(key))
        document = {
            **reservation.to_json_object(),
            "id": document_id,
            "customerId": document_id,
            "type": DocumentKind.IDEMPOTENCY_KEY.value,
            "ttl": int(lifetime.total_seconds()) if lifetime else self._settings.idempotency_ttl_seconds,
        }
        async with self._database.container(self._container, "create_item") as container:
            try:
                await container.create_item(document, no_response=True)
            except CosmosResourceExistsError:
                pass
            else:
                return reservation
            try:
                first = await container.read_item(document_id, partition_key=document_id)
            except CosmosResourceNotFoundError:
                reason = "The Idempotency-Key expired during this request."
                raise StoreUnavailable(reason, EXPIRED_RETRY_AFTER_SECONDS) from None
            return Reservation.model_validate({**first, "repeated": True})

    async def prolong(self, key_digest: str, customer_id: CustomerId, lifetime: timedelta) -> None:
        document_id = _document_id(key_digest)
        async with self._database.container(self._container, "replace_item") as container:
            try:
                document = dict(await container.read_item(document_id, partition_key=document_id))
                if document["resourceId"] != customer_id:
                    return
                document["ttl"] = int(lifetime.total_seconds())
                # Writing it is what its life counts from.
                await container.replace_item(
                    document_id,
                    document,
                    etag=document["_etag"],
                    match_condition=MatchConditions.IfNotModified,
                    no_response=True,
                )
            except CosmosResourceNotFoundError:
                return
            except CosmosAccessConditionFailedError:
                return  # another request of the same customer has just prolonged it


def _document_id(key_digest: str) -> str:
    return f"{DocumentKind.IDEMPOTENCY_KEY}.{key_digest}"
