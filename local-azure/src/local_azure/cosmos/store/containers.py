"""Databases, containers, and the rules for ids, time to live and container definitions."""

from dataclasses import dataclass, field
from typing import Any

from local_azure.cosmos import errors
from local_azure.cosmos.limits import FORBIDDEN_IN_ID, MAX_ID_BYTES, MAX_TTL_SECONDS
from local_azure.cosmos.store import order_keys, resource_ids
from local_azure.cosmos.store.indexing import IndexingPolicy
from local_azure.cosmos.store.partition_keys import PartitionKeyDefinition
from local_azure.cosmos.store.statements import Statements

POSITION_BITS = 7  # a sequence is an LSN and a position in the batch: 100 operations fit into 7 bits

_ETAG_PATH = {"path": '/"_etag"/?'}
_DEFAULT_INDEXING = {"indexingMode": "consistent", "automatic": True, "includedPaths": [{"path": "/*"}]}
_DEFAULT_CONFLICTS = {"mode": "LastWriterWins", "conflictResolutionPath": "/_ts", "conflictResolutionProcedure": ""}
_REFUSED = {
    "analyticalStorageTtl": "the analytical store",
    "changeFeedPolicy": "the full-fidelity change feed",
    "clientEncryptionPolicy": "client-side encryption policies",
    "computedProperties": "computed properties",
    "fullTextPolicy": "full-text search",
    "materializedViewDefinition": "global secondary indexes",
    "uniqueKeyPolicy": "unique keys",
    "vectorEmbeddingPolicy": "vector search",
}
_SYSTEM_PROPERTIES = frozenset(
    ("_rid", "_self", "_etag", "_ts", "_docs", "_sprocs", "_triggers", "_udfs", "_conflicts", "statistics")
)


@dataclass(slots=True)
class Database:
    number: int
    id: str
    ts: int
    etag: str
    rid: str = field(init=False)

    def __post_init__(self) -> None:
        self.rid = resource_ids.database_rid(self.number)

    def resource(self) -> dict[str, Any]:
        """The resource, as the service returns it."""
        links = {"_rid": self.rid, "_self": f"dbs/{self.rid}/", "_etag": self.etag}
        return {"id": self.id, **links, "_colls": "colls/", "_users": "users/", "_ts": self.ts}


@dataclass(slots=True)
class Container:
    """`lsn` counts the commits of the container; all writes of a batch share one."""

    number: int
    database: Database
    id: str
    definition: dict[str, Any]
    ts: int
    etag: str
    lsn: int
    partition_key: PartitionKeyDefinition = field(init=False)
    default_ttl: int | None = field(init=False)
    rid: str = field(init=False)
    rid_bytes: bytes = field(init=False)
    self_link: str = field(init=False)
    indexing: IndexingPolicy = field(init=False)
    statements: Statements = field(init=False)

    def __post_init__(self) -> None:
        self.partition_key = PartitionKeyDefinition.parse(self.definition.get("partitionKey"))
        self.default_ttl = self.definition.get("defaultTtl")
        self.rid = resource_ids.container_rid(self.database.number, self.number)
        self.rid_bytes = resource_ids.container_bytes(self.database.number, self.number)
        self.self_link = f"dbs/{self.database.rid}/colls/{self.rid}/"
        self.indexing = IndexingPolicy(self.definition["indexingPolicy"])
        self.statements = Statements.of_table(self.number, tuple(each.column for each in self.indexing.indexed))

    def order_keys_of(self, item: dict[str, Any]) -> tuple[bytes, ...]:
        """One for each path that has an index."""
        return tuple([order_keys.of_path(item, path) for path, _ in self.indexing.indexed])

    def resource(self) -> dict[str, Any]:
        """The resource, as the service returns it."""
        children = {f"_{kind}": f"{kind}/" for kind in ("docs", "sprocs", "triggers", "udfs", "conflicts")}
        links = {"_rid": self.rid, "_self": self.self_link, "_etag": self.etag, "_ts": self.ts}
        return {"id": self.id, **self.definition, **links, **children}


def check_id(value: object, longest: int = MAX_ID_BYTES) -> str:
    """Returns a valid id of a database, container or item. `longest` in bytes. Raises bad_request."""
    if not isinstance(value, str) or not value:
        raise errors.bad_request("The input content is invalid because the required properties - 'id; ' - are missing")
    if len(value) > longest or not value.isascii():
        try:
            size = len(value.encode("utf-8"))
        except UnicodeEncodeError:
            raise errors.bad_request("The id is not valid Unicode: it has half of a surrogate pair.") from None
        if size > longest:
            raise errors.bad_request(
                f"The input name '{value[:50]}…' is invalid. Ensure to provide a unique non-empty string less than "
                f"'{longest + 1}' characters."
            )
    if not FORBIDDEN_IN_ID.isdisjoint(value) or value[-1] == " ":
        raise errors.bad_request(
            f"The id {value!r} is invalid: it must not contain '/', '\\', '?', '#' or a line break, nor end in a space."
        )
    return value


def check_ttl(value: object) -> None:
    """Raises bad_request unless it is a time to live: seconds, or -1 for no end."""
    if isinstance(value, int) and not isinstance(value, bool) and (value == -1 or 0 < value <= MAX_TTL_SECONDS):
        return
    raise errors.bad_request(
        f"The input ttl '{value}' is invalid. Ensure to provide a nonzero positive integer less than or equal to "
        f"'{MAX_TTL_SECONDS}', or -1 for no expiry."
    )


def normalized_definition(resource: dict[str, Any]) -> dict[str, Any]:
    """The definition in a request, checked and with the defaults of the service, without id and system properties."""
    for name, feature in _REFUSED.items():
        if resource.get(name) and resource[name] != {"uniqueKeys": []}:
            raise errors.not_supported(f"{feature} ({name})")
    definition = {name: value for name, value in resource.items() if name not in _SYSTEM_PROPERTIES and name != "id"}
    if definition.get("defaultTtl") is None:
        definition.pop("defaultTtl", None)
    else:
        check_ttl(definition["defaultTtl"])
    definition["partitionKey"] = {"version": 1, "kind": "Hash", **definition.get("partitionKey", {})}
    PartitionKeyDefinition.parse(definition["partitionKey"])
    definition["indexingPolicy"] = _indexing_policy(definition.get("indexingPolicy") or {})
    IndexingPolicy(definition["indexingPolicy"])
    definition.setdefault("conflictResolutionPolicy", _DEFAULT_CONFLICTS)
    definition.setdefault("geospatialConfig", {"type": "Geography"})
    return definition


def _indexing_policy(policy: dict[str, Any]) -> dict[str, Any]:
    """With the defaults of the service. Like the service, drops the obsolete kinds of index."""
    if not isinstance(policy, dict):
        raise errors.bad_request("The indexing policy of a container is an object.")
    if str(policy.get("indexingMode", "consistent")).lower() not in {"consistent", "none"}:
        raise errors.not_supported(f"the indexing mode {policy['indexingMode']!r}")
    included = policy.get("includedPaths", _DEFAULT_INDEXING["includedPaths"])
    excluded = list(policy.get("excludedPaths", []))
    if policy.get("indexingMode") != "none" and _ETAG_PATH not in excluded:
        excluded.append(_ETAG_PATH)
    paths = {
        "includedPaths": [{"path": part.get("path") if isinstance(part, dict) else part} for part in included],
        "excludedPaths": excluded,
    }
    return {**_DEFAULT_INDEXING, **policy, **paths}
