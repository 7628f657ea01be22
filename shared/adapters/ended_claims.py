"""Claims in Cosmos DB as they are forgotten: by their ids, which are digests, so that nobody has to know the owners."""

from collections.abc import Sequence
from typing import Final

from shared.adapters.claims import read_claim, remove_claim, stored_claim
from shared.adapters.cosmos import CosmosDatabase, first_items
from shared.domain.documents import DocumentKind
from shared.resources import CUSTOMERS
from shared.use_cases.claiming import StoredClaim
from shared.use_cases.forgetting_claims import IdentifiedClaim

BETWEEN: Final = "SELECT TOP @size * FROM c WHERE c.type = @type AND c.id > @after AND c.id <= @until ORDER BY c.id"


class CosmosEndedClaims:
    """Removing needs neither the owner nor the key of the digest."""

    def __init__(self, database: CosmosDatabase) -> None:
        self._database = database

    async def find(self, claim_id: str) -> StoredClaim | None:
        return await read_claim(self._database, claim_id)

    async def page(self, after: str, until: str, size: int) -> Sequence[IdentifiedClaim]:
        parameters: dict[str, object] = {
            "@type": DocumentKind.CLAIM.value,
            "@after": after,
            "@until": until,
            "@size": size,
        }
        async with self._database.container(CUSTOMERS, "query_items") as container:
            documents = await first_items(container, BETWEEN, parameters, size)
        return [IdentifiedClaim(document["id"], stored_claim(document)) for document in documents]

    async def remove(self, claim_id: str, stored: StoredClaim) -> None:
        await remove_claim(self._database, claim_id, stored)
