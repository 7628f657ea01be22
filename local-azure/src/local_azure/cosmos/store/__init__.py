"""Databases, containers, items and the change feed, in SQLite. Independent of HTTP."""
