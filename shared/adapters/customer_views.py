"""Customer views in Cosmos DB: the read model. The view of a cancelled customer expires."""

from datetime import timedelta
from typing import Any

from azure.core import MatchConditions
from azure.cosmos.exceptions import (
    CosmosAccessConditionFailedError,
    CosmosResourceExistsError,
    CosmosResourceNotFoundError,
)

from shared.adapters.cosmos import CosmosDatabase, NewestFirst
from shared.domain.customer_view import CustomerView
from shared.domain.errors import AlreadyExists, PreconditionFailed
from shared.domain.forgetting import seconds_left
from shared.domain.identifiers import CustomerId, utc_now
from shared.resources import CUSTOMER_VIEWS
from shared.settings import Settings
from shared.use_cases.looking_up import Page, Position
from shared.use_cases.projecting import StoredView

NEWEST_FIRST = NewestFirst(
    container=CUSTOMER_VIEWS,
    # Ids are hexadecimal: what is above them is the mark of the timer that forgets.
    first_page="SELECT TOP @size * FROM c WHERE c.id < 'g' ORDER BY c.id DESC",
    next_page="SELECT TOP @size * FROM c WHERE c.id < 'g' AND c.id < @after ORDER BY c.id DESC",
    parameters={},
    read=CustomerView.model_validate,
    position=lambda view: view.customer_id,
)


class CosmosCustomerViews:
    """Views by customer id."""

    def __init__(self, database: CosmosDatabase, settings: Settings) -> None:
        self._database = database
        self._settings = settings

    async def find(self, customer_id: CustomerId) -> StoredView | None:
        async with self._database.container(CUSTOMER_VIEWS, "read_item") as container:
            try:
                document = await container.read_item(customer_id, partition_key=customer_id)
            except CosmosResourceNotFoundError:
                return None
        return StoredView(CustomerView.model_validate(document), document["_etag"])

    async def get(self, customer_id: CustomerId) -> CustomerView | None:
        stored = await self.find(customer_id)
        return stored.view if stored else None

    async def add(self, view: CustomerView) -> None:
        async with self._database.container(CUSTOMER_VIEWS, "create_item") as container:
            try:
                await container.create_item(self._document(view), no_response=True)
            except CosmosResourceExistsError:
                raise AlreadyExists("A view with this id exists.") from None

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
        return await NEWEST_FIRST.page(self._database, size, after)

    def _document(self, view: CustomerView) -> dict[str, Any]:
        document = {"id": view.customer_id, **view.to_json_object()}
        if view.canceled_at:
            lifetime = timedelta(seconds=self._settings.canceled_view_ttl_seconds)
            document["ttl"] = seconds_left(view.canceled_at, lifetime, utc_now())
        return document
