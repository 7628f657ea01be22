"""Triggers other than HTTP: Service Bus, the Cosmos DB change feed, timers."""
