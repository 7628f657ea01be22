"""The change feed of a container, read page by page."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from azure.cosmos.aio import ContainerProxy

Start = Literal["Beginning", "Now"] | datetime
READ_TIMEOUT = 15.0  # seconds


@dataclass(frozen=True, slots=True)
class Page:
    """Changes, and the continuation after them. `items` is empty if there are no new ones."""

    items: list[dict[str, Any]]
    continuation: str


class ChangeFeed:
    """The feed of `container`. Its client must not be used for anything else.

    The continuation of an empty page is only in the last response headers of the client.
    """

    def __init__(self, container: ContainerProxy, start: Start, page_size: int | None) -> None:
        self._container = container
        self._start = start
        self._page_size = page_size

    async def read(self, continuation: str | None) -> Page:
        """The next page after `continuation`, or from the start."""
        options: dict[str, Any] = {"continuation": continuation} if continuation else {"start_time": self._start}
        if self._page_size:
            options["max_item_count"] = self._page_size
        pages = self._container.query_items_change_feed(**options).by_page()
        async with asyncio.timeout(READ_TIMEOUT):
            page = await anext(pages, None)
            items = [item async for item in page] if page is not None else []
        headers = self._container.client_connection.last_response_headers
        return Page(items, headers["etag"])
