"""An emulator of Cosmos DB for NoSQL, for the unmodified SDKs, durable in SQLite."""

from local_azure.cosmos.definitions import CosmosContainer
from local_azure.cosmos.server import CosmosEmulator

__all__ = ["CosmosContainer", "CosmosEmulator"]
