"""The whole store: one SQLite file, and the parts that use it."""

from collections.abc import Callable

from local_azure.cosmos import errors
from local_azure.cosmos.store.catalog import Catalog
from local_azure.cosmos.store.containers import Container, Database
from local_azure.cosmos.store.items import ItemStore
from local_azure.cosmos.store.storage import Storage


class Account:
    """`clock`: seconds since 1970."""

    def __init__(self, storage: Storage, clock: Callable[[], float]) -> None:
        self.storage = storage
        self.clock = clock
        self.catalog = Catalog(storage, clock)
        self.items = ItemStore(storage, self.catalog, clock)

    def owning_database(self, name: str) -> Database:
        """Raises owner_not_found."""
        database = self.catalog.find_database(name)
        if database is None:
            raise errors.owner_not_found("database", name)
        return database

    def owning_container(self, database: str, container: str) -> Container:
        """By ids or by resource ids. Raises owner_not_found."""
        found = self.catalog.find_container(database, container)
        if found is None:
            found = self.catalog.find_container(self.owning_database(database).id, container)
        if found is None:
            raise errors.owner_not_found("container", container)
        return found
