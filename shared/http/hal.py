"""HAL (draft-kelly-json-hal): resources with links, as in the original system."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import azure.functions as func

from shared.domain.customer import CustomerDetails
from shared.domain.phone_number import with_hyphens
from shared.http.paging import PageRequest, cursor
from shared.use_cases.looking_up import Page

MEDIA_TYPE = "application/hal+json"

# json.dumps makes a new one for each call unless every option has its default.
_JSON = json.JSONEncoder(ensure_ascii=False)

type Properties = dict[str, Any]


def properties_of(record: CustomerDetails) -> Properties:
    """The JSON properties of a record about a customer, with the phone number as people read it."""
    properties = record.to_json_object()
    if record.customer_phone is not None:
        properties["customerPhone"] = with_hyphens(record.customer_phone)
    return properties


@dataclass(frozen=True)
class Resource[Item]:
    """How a kind of item looks from outside. `name`: `customer`; `collection`: `customers`, which is also its path.

    `base_url`: where the client sees this system, without a slash at the end.
    """

    name: str
    collection: str
    properties: Callable[[Item], Properties]
    """JSON properties, `id` among them."""

    def item_url(self, base_url: str, item_id: str) -> str:
        return f"{base_url}/{self.collection}/{item_id}"

    def render(self, base_url: str, item: Item) -> Properties:
        """The item with its links."""
        properties = self.properties(item)
        url = {"href": self.item_url(base_url, properties["id"])}
        return {**properties, "_links": {"self": url, self.name: url}}

    def render_page(self, base_url: str, page: Page[Item], requested: PageRequest) -> Properties:
        """The page with its items embedded, and `next` only if there is another page."""
        collection_url = f"{base_url}/{self.collection}"
        position = f"&cursor={cursor(requested.after)}" if requested.after else ""
        links = {"self": {"href": f"{collection_url}?size={requested.size}{position}"}}
        if page.next_position:
            links["next"] = {"href": f"{collection_url}?size={requested.size}&cursor={cursor(page.next_position)}"}
        return {
            "_embedded": {self.collection: [self.render(base_url, item) for item in page.items]},
            "_links": links,
            "page": {"size": requested.size},
        }


def hal_response(body: Properties, status: int = 200, headers: Mapping[str, str] | None = None) -> func.HttpResponse:
    """A HAL response. It holds personal data, so no cache may keep it."""
    return func.HttpResponse(
        _JSON.encode(body),
        status_code=status,
        headers={**(headers or {}), "Cache-Control": "no-store"},
        mimetype=MEDIA_TYPE,
        charset="utf-8",
    )
