"""What is stored about one customer, in all containers: each keeps the customer's documents in one partition."""

from collections.abc import Sequence
from typing import Final

from shared.adapters.cosmos import CosmosDatabase, Document
from shared.adapters.customer_documents import claim_id
from shared.domain.callers import Owner
from shared.domain.documents import DocumentKind
from shared.domain.identifiers import CustomerId
from shared.domain.kakao_message import KakaoMessage
from shared.resources import CUSTOMER_VIEWS, CUSTOMERS, KAKAOS
from shared.settings import Settings
from shared.use_cases.own import StoredDocument

CONTAINERS: Final = (CUSTOMERS, CUSTOMER_VIEWS, KAKAOS)
EVERYTHING: Final = "SELECT * FROM c"
# Over all partitions, by the index of this one property.
VIEWS_OF_OWNER: Final = "SELECT VALUE c.id FROM c WHERE c.owner = @owner"


class CosmosOwnDocuments:
    """Reads, and changes nothing."""

    def __init__(self, database: CosmosDatabase, settings: Settings) -> None:
        self._database = database
        self._settings = settings

    async def messages(self, customer_id: CustomerId) -> Sequence[KakaoMessage]:
        documents = await self._partition(KAKAOS, customer_id)
        messages = [each for each in documents if each["type"] == DocumentKind.MESSAGE]
        return sorted(map(KakaoMessage.model_validate, messages), key=lambda message: message.sent_at)

    async def claim(self, owner: Owner) -> Sequence[StoredDocument]:
        document_id = claim_id(owner, self._settings)
        return await self._stored(CUSTOMERS, document_id) if document_id else []

    async def ids_of_views(self, owner: Owner) -> Sequence[CustomerId]:
        async with self._database.container(CUSTOMER_VIEWS, "query_items") as container:
            found = container.query_items(VIEWS_OF_OWNER, parameters=[{"name": "@owner", "value": owner}])
            return [CustomerId(str(document_id)) async for document_id in found]

    async def about(self, customer_id: CustomerId) -> Sequence[StoredDocument]:
        return [document for name in CONTAINERS for document in await self._stored(name, customer_id)]

    async def _stored(self, name: str, partition_key: str) -> Sequence[StoredDocument]:
        # The database's own properties begin with an underscore.
        return [
            StoredDocument(name, {key: value for key, value in document.items() if not key.startswith("_")})
            for document in await self._partition(name, partition_key)
        ]

    async def _partition(self, name: str, partition_key: str) -> Sequence[Document]:
        async with self._database.container(name, "query_items") as container:
            return [each async for each in container.query_items(EVERYTHING, partition_key=partition_key)]
