"""HAL (draft-kelly-json-hal): resources with links, as in the original system."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import azure.functions as func

from shared.domain.customer import RememberedDetails
from shared.domain.phone_number import with_hyphens
from shared.http.paging import PageRequest, cursor
from shared.use_cases.looking_up import Page

MEDIA_TYPE = "application/hal+json"

# json.dumps makes a new one for each call unless every option has its default.
_JSON = json.JSONEncoder(ensure_ascii=False)

# Who it is about knows; nobody else needs it, and `GET /me/data` shows it.
HIDDEN: Final = ("owner", "consent")

type Properties = dict[str, Any]


def properties_of(record: RememberedDetails) -> Properties:
    """The JSON properties of a record about a customer that others may see too, the phone number as people read it."""
    properties = {name: value for name, value in record.to_json_object().items() if name not in HIDDEN}
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

    def render(self, base_url: str, item: Item, more: Mapping[str, Any] | None = None) -> Properties:
        """The item with its links, and `more` properties."""
        properties = self.properties(item)
        url = {"href": self.item_url(base_url, properties["id"])}
        return {**properties, **(more or {}), "_links": {"self": url, self.name: url}}

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

    def render_found(self, base_url: str, items: Sequence[Item], url: str) -> Properties:
        """What a search at `url` has found, embedded. There are no other pages."""
        embedded = {self.collection: [self.render(base_url, item) for item in items]}
        return {"_embedded": embedded, "_links": {"self": {"href": url}}}


def hal_response(body: Properties, status: int = 200, headers: Mapping[str, str] | None = None) -> func.HttpResponse:
    """A HAL response. It holds personal data, so no cache may keep it."""
    return func.HttpResponse(
        _JSON.encode(body),
        status_code=status,
        headers={**(headers or {}), "Cache-Control": "no-store"},
        mimetype=MEDIA_TYPE,
        charset="utf-8",
    )
