"""HAL (draft-kelly-json-hal): resources with links, as the original system gave them."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import azure.functions as func

from shared.http.links import public_base_url
from shared.http.paging import PageRequest, cursor
from shared.use_cases.looking_up import Page

MEDIA_TYPE = "application/hal+json"

type Properties = dict[str, Any]


@dataclass(frozen=True)
class Resource[Item]:
    """How a kind of item looks from outside. `name`: `customer`; `collection`: `customers`, which is its path too."""

    name: str
    collection: str
    properties: Callable[[Item], Properties]
    """JSON properties, `id` among them."""

    def item_url(self, request: func.HttpRequest, item_id: str) -> str:
        return f"{public_base_url(request)}/{self.collection}/{item_id}"

    def render(self, request: func.HttpRequest, item: Item) -> Properties:
        """The item with its links."""
        properties = self.properties(item)
        url = {"href": self.item_url(request, properties["id"])}
        return {**properties, "_links": {"self": url, self.name: url}}

    def render_page(self, request: func.HttpRequest, page: Page[Item], asked: PageRequest) -> Properties:
        """The page with its items embedded, and `next` only where there is more."""
        collection_url = f"{public_base_url(request)}/{self.collection}"
        position = f"&cursor={cursor(asked.after)}" if asked.after else ""
        links = {"self": {"href": f"{collection_url}?size={asked.size}{position}"}}
        if page.next_position:
            links["next"] = {"href": f"{collection_url}?size={asked.size}&cursor={cursor(page.next_position)}"}
        return {
            "_embedded": {self.collection: [self.render(request, item) for item in page.items]},
            "_links": links,
            "page": {"size": asked.size},
        }


def hal_response(body: Properties, status: int = 200, headers: Mapping[str, str] | None = None) -> func.HttpResponse:
    """A HAL answer. Answers hold personal data: no cache may keep them."""
    return func.HttpResponse(
        json.dumps(body, ensure_ascii=False),
        status_code=status,
        headers={**(headers or {}), "Cache-Control": "no-store"},
        mimetype=MEDIA_TYPE,
        charset="utf-8",
    )
