"""Cosmos DB's SQL: text → tokens → syntax tree → closures, with as much of the search as possible left to SQLite.

Source: "Query reference guide for Azure Cosmos DB for NoSQL".
"""
