"""The file of containers: `{"databases": [{"id", "containers": [the resource of a container, …]}]}`.

A container has the field names of the REST API and of ARM ("Microsoft.DocumentDB/…/containers", `properties.resource`),
so that a deployment to Azure can read the same file.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from local_azure.os_errors import explained

# Everything else is checked with the store's own rules, which are those for a request that creates a container.
type _Id = Annotated[str, Field(min_length=1)]


class ContainersFileError(Exception):
    """The file is missing or wrong. The message names the file, the property and the fix."""


class _Object(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Path(_Object):
    path: str


class _CompositePath(_Path):
    order: Literal["ascending", "descending"] = "ascending"


class _IndexingPolicy(_Object):
    indexingMode: Literal["consistent", "none"] = "consistent"  # noqa: N815  # the names of the REST API
    automatic: bool = True
    includedPaths: list[_Path] = []  # noqa: N815
    excludedPaths: list[_Path] = []  # noqa: N815
    compositeIndexes: list[list[_CompositePath]] = []  # noqa: N815


class _PartitionKey(_Object):
    paths: list[str]
    kind: Literal["Hash", "MultiHash"] = "Hash"
    version: Literal[1, 2] = 2


class _Container(_Object):
    id: _Id
    partitionKey: _PartitionKey  # noqa: N815
    defaultTtl: int | None = None  # noqa: N815
    indexingPolicy: _IndexingPolicy | None = None  # noqa: N815


class _Database(_Object):
    id: _Id
    containers: list[_Container]


class _File(_Object):
    databases: list[_Database]


class CosmosContainer(BaseModel):
    """A container to create, or to change, before the server starts to serve.

    `default_ttl` in seconds; -1: only items with a ttl of their own expire. `indexing_policy`: as in the REST API;
    without one, every path is indexed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    database: str
    name: str
    partition_key: str | dict[str, Any]
    default_ttl: int | None = None
    indexing_policy: dict[str, Any] | None = None

    def resource(self) -> dict[str, Any]:
        """The body of a request that would create the container."""
        key = self.partition_key
        return {
            "id": self.name,
            "partitionKey": {"paths": [key], "kind": "Hash", "version": 2} if isinstance(key, str) else key,
            "defaultTtl": self.default_ttl,
            "indexingPolicy": self.indexing_policy,
        }


def read_containers(file: Path) -> list[CosmosContainer]:
    """Raises ContainersFileError."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ContainersFileError(f"{file}: cannot be read: {explained(error)}; name it in cosmos.containers") from None
    except ValueError as error:
        raise ContainersFileError(f"{file}: not valid JSON: {error}") from None
    try:
        databases = _File.model_validate(content).databases
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ContainersFileError(f"{file}: {place}: {first['msg']}") from None
    containers = [container for database in databases for container in _containers(database)]
    names = [(container.database, container.name) for container in containers]
    for database, name in names:
        if names.count((database, name)) > 1:
            raise ContainersFileError(f"{file}: the container {database}/{name} is named twice")
    return containers


def _containers(database: _Database) -> Iterator[CosmosContainer]:
    for container in database.containers:
        policy = container.indexingPolicy
        yield CosmosContainer(
            database=database.id,
            name=container.id,
            partition_key=container.partitionKey.model_dump(),
            default_ttl=container.defaultTtl,
            indexing_policy=policy.model_dump(exclude_unset=True) if policy is not None else None,
        )
