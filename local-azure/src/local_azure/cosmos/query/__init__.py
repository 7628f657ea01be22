"""The SQL of Cosmos DB: text → tokens → syntax tree → closures; SQLite does as much of the search as possible.

Source: "Query reference guide for Azure Cosmos DB for NoSQL".
"""
