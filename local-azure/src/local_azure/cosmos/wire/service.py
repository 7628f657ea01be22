"""From a request's method and path to what answers it."""

from collections.abc import Callable
from urllib.parse import unquote

from local_azure.cosmos import errors
from local_azure.cosmos.query.conditions import read_condition
from local_azure.cosmos.query.engine import QueryEngine
from local_azure.cosmos.store.account import Account
from local_azure.cosmos.wire import headers
from local_azure.cosmos.wire.authorization import DELETE_PARTITION, Authorization
from local_azure.cosmos.wire.changes import ChangeFeedRequests
from local_azure.cosmos.wire.items import ItemRequests
from local_azure.cosmos.wire.messages import Request, Response
from local_azure.cosmos.wire.queries import QueryRequests
from local_azure.cosmos.wire.resources import ResourceRequests

type Handler = Callable[[Request, list[str]], Response]

_NOT_SUPPORTED = {
    "attachments": "attachments",
    "clientencryptionkeys": "client-side encryption",
    "permissions": "users and permissions",
    "schemas": "schemas",
    "sprocs": "stored procedures",
    "triggers": "triggers",
    "udfs": "user-defined functions",
    "users": "users and permissions",
}


class Service:
    """Answers a request. `authorization` is None where signatures are not looked at."""

    def __init__(self, account: Account, authorization: Authorization | None) -> None:
        self._authorization = authorization
        resources = ResourceRequests(account)
        self._items = ItemRequests(account, read_condition)
        self._changes = ChangeFeedRequests(account)
        self._queries = QueryRequests(account, QueryEngine(account.storage, account.clock), resources)
        self._routes: dict[tuple[str, str], Handler] = {
            ("GET", ""): resources.account,
            ("POST", "dbs"): self._post_database,
            ("GET", "dbs"): resources.list_databases,
            ("GET", "dbs/*"): resources.read_database,
            ("DELETE", "dbs/*"): resources.delete_database,
            ("POST", "dbs/*/colls"): self._post_container,
            ("GET", "dbs/*/colls"): resources.list_containers,
            ("GET", "dbs/*/colls/*"): resources.read_container,
            ("PUT", "dbs/*/colls/*"): resources.replace_container,
            ("DELETE", "dbs/*/colls/*"): resources.delete_container,
            ("GET", "dbs/*/colls/*/pkranges"): resources.partition_key_ranges,
            ("GET", "dbs/*/colls/*/conflicts"): resources.conflicts,
            ("POST", "dbs/*/colls/*/conflicts"): resources.conflicts,
            ("GET", "dbs/*/colls/*/conflicts/*"): resources.conflict,
            ("DELETE", "dbs/*/colls/*/conflicts/*"): resources.conflict,
            ("POST", "dbs/*/colls/*/docs"): self._post_item,
            ("GET", "dbs/*/colls/*/docs"): self._read_items,
            ("GET", "dbs/*/colls/*/docs/*"): self._items.read,
            ("PUT", "dbs/*/colls/*/docs/*"): self._items.replace,
            ("PATCH", "dbs/*/colls/*/docs/*"): self._items.patch,
            ("DELETE", "dbs/*/colls/*/docs/*"): self._items.delete,
            ("POST", "dbs/*/colls/*/operations/*"): self._post_operation,
            ("GET", "offers"): resources.offers,
            ("POST", "offers"): resources.offers,
        }
        self._resources = resources

    def answer(self, request: Request) -> Response:
        """Raises CosmosError."""
        path = request.path.partition("?")[0]
        segments = [part for part in path.split("/") if part]
        if "%" in path:
            segments = [unquote(part) for part in segments]
        if self._authorization is not None:
            self._authorization.check(request, segments)
        shape = "/".join(["*" if place % 2 else part for place, part in enumerate(segments)])
        handler = self._routes.get((request.method, shape))
        if handler is None:
            raise _refusal(request, segments)
        return handler(request, segments)

    def _post_item(self, request: Request, segments: list[str]) -> Response:
        if _is_query(request):
            return self._queries.query_items(request, segments)
        if headers.flag(request, "x-ms-cosmos-is-batch-request"):
            return self._items.batch(request, segments)
        for name in ("x-ms-documentdb-pre-trigger-include", "x-ms-documentdb-post-trigger-include"):
            if request.headers.get(name):
                raise errors.not_supported("triggers")
        if headers.flag(request, "x-ms-documentdb-is-upsert"):
            return self._items.upsert(request, segments)
        return self._items.create(request, segments)

    def _post_operation(self, request: Request, segments: list[str]) -> Response:
        if segments[-1] != DELETE_PARTITION:
            raise errors.not_supported(f"the operation {segments[-1]}")
        return self._items.delete_partition(request, segments)

    def _read_items(self, request: Request, segments: list[str]) -> Response:
        if "a-im" in request.headers:
            return self._changes.read(request, segments)
        return self._queries.read_items(request, segments)

    def _post_database(self, request: Request, segments: list[str]) -> Response:
        if _is_query(request):
            return self._queries.query_databases(request, segments)
        return self._resources.create_database(request, segments)

    def _post_container(self, request: Request, segments: list[str]) -> Response:
        if _is_query(request):
            return self._queries.query_containers(request, segments)
        return self._resources.create_container(request, segments)


def _is_query(request: Request) -> bool:
    if headers.flag(request, "x-ms-documentdb-isquery") or headers.flag(request, "x-ms-cosmos-is-query-plan-request"):
        return True
    return request.headers.get("content-type", "").startswith("application/query+json")


def _refusal(request: Request, segments: list[str]) -> errors.CosmosError:
    for kind in segments[::2]:
        if kind in _NOT_SUPPORTED:
            return errors.not_supported(_NOT_SUPPORTED[kind])
    return errors.method_not_allowed(request.method, request.path)
