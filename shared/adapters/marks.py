"""Marks in Cosmos DB, each in a partition of its own, in the container of the app whose timer it belongs to."""

from typing import Any, Final

from azure.core import MatchConditions
from azure.cosmos.exceptions import (
    CosmosAccessConditionFailedError,
    CosmosResourceExistsError,
    CosmosResourceNotFoundError,
)

from shared.adapters.cosmos import CosmosDatabase
from shared.domain.documents import DocumentKind
from shared.domain.errors import PreconditionFailed
from shared.use_cases.marks import Mark

POSITION: Final = "position"


class CosmosMarks:
    """The mark with this id. `kind`: its type, and `name`: that of the property with its position."""

    def __init__(
        self,
        database: CosmosDatabase,
        container: str,
        mark_id: str,
        kind: DocumentKind = DocumentKind.MARK,
        name: str = POSITION,
    ) -> None:
        self._database = database
        self._container = container
        self._id = mark_id
        self._kind = kind
        self._name = name

    async def read(self) -> Mark:
        async with self._database.container(self._container, "read_item") as container:
            try:
                document = await container.read_item(self._id, partition_key=self._id)
            except CosmosResourceNotFoundError:
                return Mark()
        return Mark(document[self._name], document["_etag"])

    async def move(self, mark: Mark, position: str) -> Mark:
        # `customerId` is its partition key, except where the id is.
        document = {"id": self._id, "customerId": self._id, "type": self._kind.value, self._name: position}
        operation = "replace_item" if mark.etag else "create_item"
        async with self._database.container(self._container, operation) as container:
            try:
                if mark.etag:
                    condition: dict[str, Any] = {"etag": mark.etag, "match_condition": MatchConditions.IfNotModified}
                    stored = await container.replace_item(self._id, document, **condition)
                else:
                    stored = await container.create_item(document)
            except (CosmosAccessConditionFailedError, CosmosResourceExistsError, CosmosResourceNotFoundError):
                raise PreconditionFailed("The mark has changed since it was read.") from None
        return Mark(position, stored["_etag"])
