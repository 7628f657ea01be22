"""Customer views in Cosmos DB: the read model. A cancelled customer's view expires by itself."""

from typing import Any

from azure.core import MatchConditions
from azure.cosmos.exceptions import (
    CosmosAccessConditionFailedError,
    CosmosResourceExistsError,
    CosmosResourceNotFoundError,
)

from shared.adapters.cosmos import CosmosDatabase, first_items
from shared.domain.customer_view import CustomerView
from shared.domain.errors import AlreadyExists, PreconditionFailed
from shared.domain.identifiers import is_uuid
from shared.resources import CUSTOMER_VIEWS
from shared.settings import Settings
from shared.use_cases.looking_up import Page, Position
from shared.use_cases.projecting import StoredView

NEWEST = "SELECT TOP @size * FROM c ORDER BY c.id DESC"
NEWEST_AFTER = "SELECT TOP @size * FROM c WHERE c.id < @after ORDER BY c.id DESC"


class CosmosCustomerViews:
    """Views by customer id."""

    def __init__(self, database: CosmosDatabase, settings: Settings) -> None:
        self._database = database
        self._settings = settings

    async def find(self, customer_id: str) -> StoredView | None:
        async with self._database.container(CUSTOMER_VIEWS, "read_item") as container:
            try:
                document = await container.read_item(customer_id, partition_key=customer_id)
            except CosmosResourceNotFoundError:
                return None
        return StoredView(CustomerView.model_validate(document), document["_etag"])

    async def get(self, customer_id: str) -> CustomerView | None:
        stored = await self.find(customer_id) if is_uuid(customer_id) else None
        return stored.view if stored else None

    async def add(self, view: CustomerView) -> None:
        async with self._database.container(CUSTOMER_VIEWS, "create_item") as container:
            try:
                await container.create_item(self._document(view), no_response=True)
            except CosmosResourceExistsError:
                raise AlreadyExists("A view of this id exists.") from None

    async def replace(self, stored: StoredView, view: CustomerView) -> None:
        async with self._database.container(CUSTOMER_VIEWS, "replace_item") as container:
            try:
                await container.replace_item(
                    view.customer_id,
                    self._document(view),
                    etag=stored.etag,
                    match_condition=MatchConditions.IfNotModified,
                    no_response=True,
                )
            except (CosmosAccessConditionFailedError, CosmosResourceNotFoundError):
                raise PreconditionFailed("The view has changed since it was read.") from None

    async def page(self, size: int, after: Position | None) -> Page[CustomerView]:
        parameters: dict[str, object] = {"@size": size + 1}
        if after:
            parameters["@after"] = after
        async with self._database.container(CUSTOMER_VIEWS, "query_items") as container:
            documents = await first_items(container, NEWEST_AFTER if after else NEWEST, parameters, size + 1)
        views = [CustomerView.model_validate(document) for document in documents[:size]]
        return Page(views, views[-1].customer_id if len(documents) > size else None)

    def _document(self, view: CustomerView) -> dict[str, Any]:
        expiry = {"ttl": self._settings.canceled_view_ttl_seconds} if view.status == "CANCELED" else {}
        return {"id": view.customer_id, **view.to_json_object(), **expiry}
