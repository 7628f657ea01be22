"""Routes a request, by method and path, to its handler."""

from collections.abc import Callable

from local_azure.cosmos import errors
from local_azure.cosmos.query.conditions import read_condition
from local_azure.cosmos.query.engine import QueryEngine
from local_azure.cosmos.store.account import Account
from local_azure.cosmos.wire import headers
from local_azure.cosmos.wire.authorization import OPERATIONS, Authorization
from local_azure.cosmos.wire.changes import ChangeFeedRequests
from local_azure.cosmos.wire.items import ItemRequests
from local_azure.cosmos.wire.messages import Request, Response
from local_azure.cosmos.wire.paths import ResourcePath
from local_azure.cosmos.wire.queries import QueryRequests
from local_azure.cosmos.wire.resources import ResourceRequests
from local_azure.cosmos.wire.slices import Work

_DELETE_PARTITION = "partitionkeydelete"

type Handler = Callable[[Request, ResourcePath], Response | Work]

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
    """Checks the signature of each request, and answers it."""

    def __init__(self, account: Account, authorization: Authorization) -> None:
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
            ("POST", f"dbs/*/colls/*/{OPERATIONS}/*"): self._post_operation,
            ("GET", "offers"): resources.offers,
            ("POST", "offers"): resources.offers,
        }
        self._resources = resources

    def answer(self, request: Request) -> Response | Work:
        """Raises CosmosError, as the work may."""
        path = ResourcePath.parse(request.target)
        self._authorization.check(request, path)
        handler = self._routes.get((request.method, path.pattern))
        if handler is None:
            raise _refusal(request, path)
        return handler(request, path)

    def _post_item(self, request: Request, path: ResourcePath) -> Response | Work:
        if _is_query(request):
            return self._queries.query_items(request, path)
        if headers.flag(request, "x-ms-cosmos-is-batch-request"):
            return self._items.batch(request, path)
        for name in ("x-ms-documentdb-pre-trigger-include", "x-ms-documentdb-post-trigger-include"):
            if request.headers.get(name):
                raise errors.not_supported("triggers")
        if headers.flag(request, "x-ms-documentdb-is-upsert"):
            return self._items.upsert(request, path)
        return self._items.create(request, path)

    def _post_operation(self, request: Request, path: ResourcePath) -> Response:
        if path.operation != _DELETE_PARTITION:
            raise errors.not_supported(f"the operation {path.operation}")
        return self._items.delete_partition(request, path)

    def _read_items(self, request: Request, path: ResourcePath) -> Response | Work:
        if "a-im" in request.headers:
            return self._changes.read(request, path)
        return self._queries.read_items(request, path)

    def _post_database(self, request: Request, path: ResourcePath) -> Response:
        if _is_query(request):
            return self._queries.query_databases(request, path)
        return self._resources.create_database(request, path)

    def _post_container(self, request: Request, path: ResourcePath) -> Response:
        if _is_query(request):
            return self._queries.query_containers(request, path)
        return self._resources.create_container(request, path)


def _is_query(request: Request) -> bool:
    if headers.flag(request, "x-ms-documentdb-isquery") or headers.flag(request, "x-ms-cosmos-is-query-plan-request"):
        return True
    return request.headers.get("content-type", "").startswith("application/query+json")


def _refusal(request: Request, path: ResourcePath) -> errors.CosmosError:
    for kind in path.kinds:
        if kind in _NOT_SUPPORTED:
            return errors.not_supported(_NOT_SUPPORTED[kind])
    return errors.method_not_allowed(request.method, request.target)
