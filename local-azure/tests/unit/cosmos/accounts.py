"""A store without a server, and a clock that tests set."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

from local_azure.cosmos.query.engine import QueryEngine
from local_azure.cosmos.query.pages import Pages, QueryCall, QueryPage
from local_azure.cosmos.store import partition_keys
from local_azure.cosmos.store.account import Account
from local_azure.cosmos.store.change_feed import WHOLE, ChangePage, Position, read_changes
from local_azure.cosmos.store.containers import Container
from local_azure.cosmos.store.items import Commit, StoredItem
from local_azure.cosmos.store.storage import Storage

START = 1_000_000.0


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


class Shop:
    """An account with one container, `orders`, whose partition key is /customer."""

    def __init__(
        self,
        file: Path | str = ":memory:",
        default_ttl: int | None = None,
        indexing_policy: dict[str, Any] | None = None,
    ) -> None:
        self.clock = Clock()
        self.storage = Storage(str(file))
        self.account = Account(self.storage, self.clock)
        self.items = self.account.items
        if self.account.catalog.find_database("shop") is None:
            database = self.account.catalog.create_database("shop")
            key = {"paths": ["/customer"], "kind": "Hash", "version": 2}
            resource = {
                "id": "orders",
                "partitionKey": key,
                "defaultTtl": default_ttl,
                "indexingPolicy": indexing_policy,
            }
            self.account.catalog.create_container(database, resource)
        self._engine = QueryEngine(self.storage, self.clock)

    @property
    def orders(self) -> Container:
        return self.account.owning_container("shop", "orders")

    def create(self, item_id: str, customer: str = "kim", **properties: Any) -> StoredItem:
        item = {"id": item_id, "customer": customer, **properties}
        return self.items.create(self.commit(customer), item)

    def commit(self, customer: str = "kim") -> Commit:
        return Commit(self.orders, partition_keys.of_values([customer]))

    def find(self, item_id: str, customer: str = "kim") -> StoredItem | None:
        return self.items.find(self.orders, partition_keys.of_values([customer]), item_id)

    def changes(self, after: int = 0, size: int = 100) -> ChangePage:
        return self.finished(read_changes(self.storage, self.orders, Position(after), size, self.clock))

    def query(self, text: str, size: int = 1000, **parameters: Any) -> list[str]:
        """The results of all pages, as JSON texts."""
        results: list[str] = []
        continuation = None
        while True:
            page = self.query_page(text, continuation, size, **parameters)
            results += page.results
            continuation = page.continuation
            if continuation is None:
                return results

    def query_page(self, text: str, continuation: str | None = None, size: int = 1000, **parameters: Any) -> QueryPage:
        return self.finished(self.pages(text, continuation, size, **parameters))

    def pages(self, text: str, continuation: str | None = None, size: int = 1000, **parameters: Any) -> Pages:
        named = {f"@{name}": value for name, value in parameters.items()}
        return self._engine.run(self.orders, QueryCall(text, named, WHOLE, size, continuation, across_partitions=True))

    @staticmethod
    def finished[Page](pages: Generator[None, None, Page]) -> Page:
        """The page, after all its slices."""
        while True:
            try:
                next(pages)
            except StopIteration as last:
                page: Page = last.value
                return page
