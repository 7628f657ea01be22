"""The time of Cosmos DB, by which it lets documents expire: instances' own clocks may be wrong."""

from datetime import UTC, datetime
from typing import Any, Final

from shared.adapters.cosmos import CosmosDatabase

NOW: Final = "SELECT VALUE GetCurrentTimestamp()"
# The query reads nothing; with a partition it is sent to one node.
NO_PARTITION: Final = "-"


class CosmosClock:
    """Asked through a container that the app may read."""

    def __init__(self, database: CosmosDatabase, container: str) -> None:
        self._database = database
        self._container = container

    async def now(self) -> datetime:
        async with self._database.container(self._container, "query_items") as container:
            found: list[Any] = [each async for each in container.query_items(NOW, partition_key=NO_PARTITION)]
        return datetime.fromtimestamp(found[0] / 1000, UTC)
