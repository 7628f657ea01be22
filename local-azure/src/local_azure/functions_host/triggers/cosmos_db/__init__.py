"""Cosmos DB triggers: the change feed, with the azure-cosmos SDK."""
