"""Idempotency keys in Cosmos DB: in any container partitioned by customer id, each in a partition of its own."""

from azure.cosmos.exceptions import CosmosResourceExistsError, CosmosResourceNotFoundError

from shared.adapters.cosmos import CosmosDatabase
from shared.domain.errors import StoreUnavailable
from shared.domain.idempotency import Reservation, digest
from shared.settings import Settings


class CosmosReservations:
    """Whoever creates the document has the key; it expires by itself."""

    def __init__(self, database: CosmosDatabase, container: str, settings: Settings) -> None:
        self._database = database
        self._container = container
        self._settings = settings

    async def reserve(self, key: str, reservation: Reservation) -> Reservation:
        document_id = f"idempotency-key.{digest(key)}"
        document = {
            **reservation.to_json_object(),
            "id": document_id,
            "customerId": document_id,
            "type": "idempotency-key",
            "ttl": self._settings.idempotency_ttl_seconds,
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
                raise StoreUnavailable("The Idempotency-Key expired just now.", retry_after=1) from None
            return Reservation.model_validate({**first, "repeated": True})
