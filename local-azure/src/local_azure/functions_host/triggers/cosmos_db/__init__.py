"""Cosmos DB triggers: the change feed, through the azure-cosmos SDK."""
