"""Cosmos DB for NoSQL on one machine: what the azure-cosmos SDK says is answered out of SQLite."""

from local_azure.configuration import CosmosContainer
from local_azure.cosmos.server import CosmosEmulator

__all__ = ["CosmosContainer", "CosmosEmulator"]
