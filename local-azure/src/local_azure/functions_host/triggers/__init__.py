"""What calls functions besides HTTP: Service Bus, the Cosmos DB change feed, timers."""
