"""The REST API of Cosmos DB: reads requests, calls the store and the query engine, writes responses."""
