"""Claims in Cosmos DB: in the container of the customers, each in a partition of its own."""

from azure.core import MatchConditions
from azure.cosmos.exceptions import (
    CosmosAccessConditionFailedError,
    CosmosResourceExistsError,
    CosmosResourceNotFoundError,
)

from shared.adapters.cosmos import CosmosDatabase, Document
from shared.adapters.customer_documents import claim_id
from shared.domain.callers import Owner
from shared.domain.claim import Claim
from shared.domain.documents import DocumentKind
from shared.domain.errors import AlreadyExists, PreconditionFailed
from shared.domain.identifiers import CustomerId
from shared.resources import CUSTOMERS
from shared.settings import Settings
from shared.use_cases.claiming import StoredClaim


class CosmosClaims:
    """Nothing in a claim tells whose it is: its id is a keyed digest of the owner."""

    def __init__(self, database: CosmosDatabase, settings: Settings) -> None:
        self._database = database
        self._settings = settings

    async def find(self, owner: Owner) -> CustomerId | None:
        """The registration that the owner has claimed last, whatever has become of it. Raises StoreUnavailable."""
        stored = await self.read(owner)
        return stored.claim.registration_id if stored else None

    def scoped_key(self, owner: Owner, key: str) -> str:
        return f"{self._id(owner)} {key}"

    async def read(self, owner: Owner) -> StoredClaim | None:
        return await read_claim(self._database, self._id(owner))

    async def add(self, owner: Owner, claim: Claim) -> StoredClaim:
        async with self._database.container(CUSTOMERS, "create_item") as container:
            try:
                return stored_claim(await container.create_item(self._document(owner, claim)))
            except CosmosResourceExistsError:
                raise AlreadyExists("This owner has a claim.") from None

    async def replace(self, owner: Owner, stored: StoredClaim, claim: Claim) -> StoredClaim:
        async with self._database.container(CUSTOMERS, "replace_item") as container:
            try:
                document = await container.replace_item(
                    self._id(owner),
                    self._document(owner, claim),
                    etag=stored.etag,
                    match_condition=MatchConditions.IfNotModified,
                )
            except (CosmosAccessConditionFailedError, CosmosResourceNotFoundError):
                raise PreconditionFailed("The claim has changed since it was read.") from None
        return stored_claim(document)

    async def remove(self, owner: Owner, stored: StoredClaim) -> None:
        await remove_claim(self._database, self._id(owner), stored)

    def _document(self, owner: Owner, claim: Claim) -> Document:
        document_id = self._id(owner)
        kind = DocumentKind.CLAIM.value
        return {**claim.to_json_object(), "id": document_id, "customerId": document_id, "type": kind}

    def _id(self, owner: Owner) -> str:
        document_id = claim_id(owner, self._settings)
        if document_id is None:
            raise ValueError("OWNER_KEY must be set where customers sign in")
        return document_id


async def read_claim(database: CosmosDatabase, document_id: str) -> StoredClaim | None:
    """The claim with this id. Raises StoreUnavailable."""
    async with database.container(CUSTOMERS, "read_item") as container:
        try:
            return stored_claim(await container.read_item(document_id, partition_key=document_id))
        except CosmosResourceNotFoundError:
            return None


async def remove_claim(database: CosmosDatabase, document_id: str, stored: StoredClaim) -> None:
    """Deletes it, unless it has changed since it was read. Raises StoreUnavailable."""
    async with database.container(CUSTOMERS, "delete_item") as container:
        try:
            await container.delete_item(
                document_id,
                partition_key=document_id,
                etag=stored.etag,
                match_condition=MatchConditions.IfNotModified,
            )
        except (CosmosAccessConditionFailedError, CosmosResourceNotFoundError):
            return  # another request has touched it, or has taken it over


def stored_claim(document: Document) -> StoredClaim:
    """What a document says."""
    return StoredClaim(Claim.model_validate(document), document["_etag"])
