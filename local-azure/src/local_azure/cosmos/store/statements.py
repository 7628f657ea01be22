"""The SQL for the table of items of one container.

Each container has its own table, so that indexes need no container column, and deleting it is one statement. The name
of the table contains only the number of the container: no text of a client gets into SQL.
"""

from dataclasses import dataclass
from functools import cache

# number: derived from the LSN that created the item; unique, in the order of creation.
# sequence: derived from the LSN of the last write; the order of the change feed. It is the number until the item is
# changed, so only items that have been changed need an index by it.
# body: the JSON text of the response, which ends with the system properties.
# A column and an index for each path that the indexing policy names are added; see indexing.py and order_keys.py.
_SCHEMA = """
CREATE TABLE items_N (
    number INTEGER PRIMARY KEY,
    partition_key TEXT NOT NULL,
    id TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    ts INTEGER NOT NULL,
    expires REAL,
    etag TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE UNIQUE INDEX items_N_by_key ON items_N (partition_key, id);
CREATE INDEX items_N_by_change ON items_N (sequence) WHERE sequence <> number;
CREATE INDEX items_N_by_id ON items_N (id);
CREATE INDEX items_N_by_expiry ON items_N (expires) WHERE expires IS NOT NULL;
"""

_FIND = """
SELECT number, sequence, ts, etag, body FROM items_N
WHERE partition_key = ? AND id = ? AND (expires IS NULL OR expires > ?)
"""
_CHANGES = """
SELECT number AS sequence, ts, partition_key, body FROM items_N NOT INDEXED
WHERE number > ?1 AND sequence = number AND (expires IS NULL OR expires > ?2)
UNION ALL
SELECT sequence, ts, partition_key, body FROM items_N INDEXED BY items_N_by_change
WHERE sequence > ?1 AND sequence <> number AND (expires IS NULL OR expires > ?2)
ORDER BY sequence
"""
_INSERT = (
    "INSERT INTO items_N (number, partition_key, id, sequence, ts, expires, etag, body{columns}) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?{values})"
)
_UPDATE = "UPDATE items_N SET id = ?, sequence = ?, ts = ?, expires = ?, etag = ?, body = ?{changes} WHERE number = ?"
_LAST_SEQUENCE = """
SELECT max(
    coalesce((SELECT max(number) FROM items_N), 0),
    coalesce((SELECT max(sequence) FROM items_N INDEXED BY items_N_by_change WHERE sequence <> number), 0)
)
"""
_UPGRADE = (
    "DROP INDEX items_N_by_sequence",
    "CREATE INDEX items_N_by_change ON items_N (sequence) WHERE sequence <> number",
    "ALTER TABLE items_N DROP COLUMN effective_key",
)
_FILL = "UPDATE items_N SET {changes} WHERE number = ?"
# Without a value it is undefined (order_keys.UNDEFINED).
_ADD_COLUMN = "ALTER TABLE items_N ADD COLUMN {column} BLOB NOT NULL DEFAULT x'00'"
# With the id, so that an index also serves "path = value ORDER BY id"; SQLite itself adds the number.
_ADD_INDEX = "CREATE INDEX items_N_by_{column} ON items_N ({column}, id)"
_SET_EXPIRY = """
UPDATE items_N SET expires = CASE
    WHEN ?1 IS NULL THEN NULL
    WHEN coalesce(json_extract(body, '$.ttl'), ?1) = -1 THEN NULL
    ELSE ts + coalesce(json_extract(body, '$.ttl'), ?1)
END
"""


@dataclass(frozen=True, slots=True)
class Statements:
    """The comments name the placeholders of each statement, in order, and what it returns."""

    create_table: tuple[str, ...]
    drop_table: str
    add_column: dict[str, str]  # by column
    add_index: dict[str, str]  # by column
    fill_columns: str  # the keys, number
    bodies: str  # number, limit → number, body
    columns: str  # → …, name, …
    insert: str  # number, partition_key, id, sequence, ts, expires, etag, body, the keys
    update: str  # id, sequence, ts, expires, etag, body, the keys, number
    delete: str  # number
    delete_partition: str  # partition_key
    delete_expired: str  # partition_key, id, now
    find: str  # partition_key, id, now → number, sequence, ts, etag, body
    changes: str  # sequence, now → sequence, ts, partition_key, body
    body: str  # number → body
    upgrade: tuple[str, ...]  # of the table of an older version
    find_by_number: str  # number → id
    table: str
    last_sequence: str
    set_expiry: str  # default_ttl
    find_expired: str  # now
    purge: str  # now, limit

    @classmethod
    @cache
    def of_table(cls, number: int, columns: tuple[str, ...] = ()) -> "Statements":
        """`columns`: those of the order keys."""
        changes = "".join(f", {column} = ?" for column in columns)
        lists = {"columns": "".join(f", {column}" for column in columns), "values": ", ?" * len(columns)}

        def named(template: str) -> str:
            return template.replace("items_N", f"items_{number:d}")

        return cls(
            create_table=tuple(part for part in named(_SCHEMA).split(";") if part.strip()),
            drop_table=named("DROP TABLE items_N"),
            add_column={column: named(_ADD_COLUMN.format(column=column)) for column in columns},
            add_index={column: named(_ADD_INDEX.format(column=column)) for column in columns},
            fill_columns=named(_FILL.format(changes=changes[2:])),
            bodies=named("SELECT number, body FROM items_N WHERE number > ? ORDER BY number LIMIT ?"),
            columns=named("PRAGMA table_info(items_N)"),
            insert=named(_INSERT.format(**lists)),
            update=named(_UPDATE.format(changes=changes)),
            delete=named("DELETE FROM items_N WHERE number = ?"),
            delete_partition=named("DELETE FROM items_N WHERE partition_key = ?"),
            delete_expired=named("DELETE FROM items_N WHERE partition_key = ? AND id = ? AND expires <= ?"),
            find=named(_FIND),
            changes=named(_CHANGES),
            body=named("SELECT body FROM items_N WHERE number = ?"),
            upgrade=tuple(named(statement) for statement in _UPGRADE),
            find_by_number=named("SELECT id FROM items_N WHERE number = ?"),
            table=named("items_N"),
            last_sequence=named(_LAST_SEQUENCE),
            set_expiry=named(_SET_EXPIRY),
            find_expired=named("SELECT 1 FROM items_N WHERE expires <= ? LIMIT 1"),
            purge=named(
                "DELETE FROM items_N WHERE number IN "
                "(SELECT number FROM items_N WHERE expires <= ? ORDER BY expires LIMIT ?)"
            ),
        )
