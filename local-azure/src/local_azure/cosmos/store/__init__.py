"""What is kept, in SQLite: databases, containers, items and their changes. Knows nothing of HTTP."""
