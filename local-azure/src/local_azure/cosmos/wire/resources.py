"""Requests about the account, databases, containers, and the partition key range."""

import json
from collections.abc import Iterable
from typing import Any

from local_azure.cosmos import errors
from local_azure.cosmos.store.account import Account
from local_azure.cosmos.store.containers import Container, Database
from local_azure.cosmos.wire import headers
from local_azure.cosmos.wire.messages import Request, Response
from local_azure.cosmos.wire.paths import ResourcePath

_REGION = "Local"


class ResourceRequests:
    """Each method answers one kind of request."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._catalog = account.catalog

    def account(self, request: Request, _path: ResourcePath) -> Response:
        # The SDKs continue with this address, so it must be the one they used.
        endpoint = f"http://{request.headers.get('host', '127.0.0.1')}/"
        locations = [{"name": _REGION, "databaseAccountEndpoint": endpoint}]
        resource = {
            "_self": "",
            "id": "local",
            "_rid": "local",
            "media": "//media/",
            "addresses": "//addresses/",
            "_dbs": "//dbs/",
            "writableLocations": locations,
            "readableLocations": locations,
            "enableMultipleWriteLocations": False,
            "userReplicationPolicy": {"asyncReplication": False, "minReplicaSetSize": 1, "maxReplicasetSize": 1},
            "userConsistencyPolicy": {"defaultConsistencyLevel": "Session"},
            "systemReplicationPolicy": {"minReplicaSetSize": 1, "maxReplicasetSize": 1},
            "readPolicy": {"primaryReadCoefficient": 1, "secondaryReadCoefficient": 1},
            "queryEngineConfiguration": "{}",
        }
        return _answer(request, resource)

    def create_database(self, request: Request, _path: ResourcePath) -> Response:
        database = self._catalog.create_database(headers.json_object(request).get("id"))
        return _answer(request, database.resource(), 201)

    def list_databases(self, request: Request, _path: ResourcePath) -> Response:
        return self.database_feed(request, [database.resource() for database in self._catalog.databases()])

    def read_database(self, request: Request, path: ResourcePath) -> Response:
        return _answer(request, self._database(path).resource())

    def delete_database(self, request: Request, path: ResourcePath) -> Response:
        database = self._database(path)
        headers.precondition(request).check(database.etag)
        self._catalog.delete_database(database)
        return Response(204, b"", _headers(request))

    def create_container(self, request: Request, path: ResourcePath) -> Response:
        database = self._account.owning_database(path.database)
        return _answer(request, self._catalog.create_container(database, headers.json_object(request)).resource(), 201)

    def list_containers(self, request: Request, path: ResourcePath) -> Response:
        database = self._account.owning_database(path.database)
        resources = [container.resource() for container in self._catalog.containers(database)]
        return self.container_feed(request, database, resources)

    def read_container(self, request: Request, path: ResourcePath) -> Response:
        answer = _answer(request, self._container(path).resource())
        if headers.flag(request, "x-ms-documentdb-populatequotainfo"):
            answer.headers["x-ms-documentdb-collection-index-transformation-progress"] = "100"
        return answer

    def replace_container(self, request: Request, path: ResourcePath) -> Response:
        container = self._container(path)
        headers.precondition(request).check(container.etag)
        return _answer(request, self._catalog.replace_container(container, headers.json_object(request)).resource())

    def delete_container(self, request: Request, path: ResourcePath) -> Response:
        container = self._container(path)
        headers.precondition(request).check(container.etag)
        self._catalog.delete_container(container)
        return Response(204, b"", _headers(request))

    def partition_key_ranges(self, request: Request, path: ResourcePath) -> Response:
        """Returns 304 to a client that has the range; without that, the SDKs would ask endlessly."""
        container = self._account.owning_container(path.database, path.container)
        headers.check_intended_container(request, container)
        etag = f'"{container.number}"'
        if request.headers.get("if-none-match") == etag:
            return Response(304, b"", {**_headers(request), "etag": etag})
        resource = {
            "_rid": container.rid,
            "id": headers.PARTITION_KEY_RANGE,
            "_etag": container.etag,
            "minInclusive": "",
            "maxExclusive": "FF",
            "ridPrefix": 0,
            "_self": f"{container.self_link}pkranges/{headers.PARTITION_KEY_RANGE}/",
            "throughputFraction": 1,
            "status": "online",
            "parents": [],
            "_ts": container.ts,
        }
        return _answer(request, feed(container.rid, "PartitionKeyRanges", [resource]), etag=etag)

    def conflicts(self, request: Request, path: ResourcePath) -> Response:
        """Empty: only several write regions cause conflicts."""
        container = self._account.owning_container(path.database, path.container)
        return _answer(request, feed(container.rid, "Conflicts", []))

    def conflict(self, _request: Request, path: ResourcePath) -> Response:
        self._account.owning_container(path.database, path.container)
        raise errors.not_found()

    def offers(self, request: Request, _path: ResourcePath) -> Response:
        """Empty: as in a serverless account, no throughput is provisioned."""
        return _answer(request, feed("", "Offers", []))

    def database_feed(self, request: Request, resources: list[Any]) -> Response:
        return _answer(request, feed("", "Databases", resources))

    def container_feed(self, request: Request, database: Database, resources: list[Any]) -> Response:
        return _answer(request, feed(database.rid, "DocumentCollections", resources))

    def _database(self, path: ResourcePath) -> Database:
        database = self._catalog.find_database(path.database)
        if database is None:
            raise errors.not_found()
        return database

    def _container(self, path: ResourcePath) -> Container:
        database = self._account.owning_database(path.database)
        container = self._catalog.find_container(database.id, path.container)
        if container is None:
            raise errors.not_found()
        return container


def feed(owner_rid: str, name: str, resources: Iterable[Any]) -> dict[str, Any]:
    listed = list(resources)
    return {"_rid": owner_rid, name: listed, "_count": len(listed)}


def _headers(request: Request) -> dict[str, str]:
    return {"x-ms-activity-id": request.headers.get("x-ms-activity-id", ""), "x-ms-request-charge": "1"}


def _answer(request: Request, resource: dict[str, Any], status: int = 200, etag: str | None = None) -> Response:
    answer_headers = _headers(request)
    found = etag or resource.get("_etag")
    if isinstance(found, str):
        answer_headers["etag"] = found
    return Response(status, json.dumps(resource).encode(), answer_headers)
