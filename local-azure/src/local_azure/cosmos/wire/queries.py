"""Queries, and the list of all items of a container."""

import time
from typing import Any

from local_azure.cosmos import errors
from local_azure.cosmos.query.engine import QueryEngine, select_from
from local_azure.cosmos.query.pages import QueryCall, QueryPage
from local_azure.cosmos.store.account import Account
from local_azure.cosmos.store.containers import Container
from local_azure.cosmos.wire import headers
from local_azure.cosmos.wire.charges import query_charge
from local_azure.cosmos.wire.messages import Request, Response
from local_azure.cosmos.wire.paths import ResourcePath
from local_azure.cosmos.wire.resources import ResourceRequests
from local_azure.cosmos.wire.slices import Work

_EVERYTHING = "SELECT * FROM c"


class QueryRequests:
    """Each method answers one kind of request."""

    def __init__(self, account: Account, engine: QueryEngine, resources: ResourceRequests) -> None:
        self._account = account
        self._engine = engine
        self._resources = resources

    def query_items(self, request: Request, path: ResourcePath) -> Work:
        if headers.flag(request, "x-ms-cosmos-is-query-plan-request"):
            raise errors.not_supported("query plans: with a single physical partition there is no need for them")
        text, parameters = _query(request)
        across = headers.flag(request, "x-ms-documentdb-query-enablecrosspartition")
        return self._page(request, path, text, parameters, across_partitions=across)

    def read_items(self, request: Request, path: ResourcePath) -> Work:
        return self._page(request, path, _EVERYTHING, {}, across_partitions=True)

    def query_databases(self, request: Request, _path: ResourcePath) -> Response:
        text, parameters = _query(request)
        databases = [database.resource() for database in self._account.catalog.databases()]
        selected = select_from(text, parameters, databases, self._account.clock())
        return self._resources.database_feed(request, selected)

    def query_containers(self, request: Request, path: ResourcePath) -> Response:
        text, parameters = _query(request)
        database = self._account.owning_database(path.database)
        containers = [container.resource() for container in self._account.catalog.containers(database)]
        selected = select_from(text, parameters, containers, self._account.clock())
        return self._resources.container_feed(request, database, selected)

    def _page(
        self, request: Request, path: ResourcePath, text: str, parameters: dict[str, Any], *, across_partitions: bool
    ) -> Work:
        container = self._account.owning_container(path.database, path.container)
        headers.check_intended_container(request, container)
        named_range = "x-ms-documentdb-partitionkeyrangeid" in request.headers
        call = QueryCall(
            text,
            parameters,
            headers.feed_range(request, container),
            headers.page_size(request),
            request.headers.get("x-ms-continuation"),
            across_partitions or named_range,
        )
        started = time.perf_counter()
        page = yield from self._engine.run(container, call)
        seconds = time.perf_counter() - started
        body = _feed(container, page.results)
        answer_headers = headers.item_headers(request, container, query_charge(page.items_read, len(body)))
        answer_headers["x-ms-item-count"] = str(len(page.results))
        if headers.flag(request, "x-ms-documentdb-populatequerymetrics"):
            answer_headers["x-ms-documentdb-query-metrics"] = _metrics(page, seconds)
        if page.continuation is not None:
            answer_headers["x-ms-continuation"] = page.continuation
        return Response(200, body, answer_headers)


def _metrics(page: QueryPage, seconds: float) -> str:
    count, size = len(page.results), sum(map(len, page.results))
    ratio = min(count / page.items_read, 1) if page.items_read else 1
    return (
        f"totalExecutionTimeInMs={seconds * 1000:.2f};retrievedDocumentCount={page.items_read};"
        f"retrievedDocumentSize={page.characters_read};"
        f"outputDocumentCount={count};outputDocumentSize={size};indexUtilizationRatio={ratio:.2f}"
    )


def _feed(container: Container, bodies: list[str]) -> bytes:
    text = f'{{"_rid":"{container.rid}","Documents":[{",".join(bodies)}],"_count":{len(bodies)}}}'
    return text.encode("utf-8")


def _query(request: Request) -> tuple[str, dict[str, Any]]:
    """The text of the query, and its parameters by name. Raises bad_request."""
    body = headers.json_object(request)
    text, named_values = body.get("query"), body.get("parameters") or []
    if not isinstance(text, str) or not isinstance(named_values, list):
        raise errors.bad_request("A query must be an object with a text `query` and a list `parameters`.")
    parameters = {}
    for parameter in named_values:
        if not isinstance(parameter, dict) or not isinstance(parameter.get("name"), str) or "value" not in parameter:
            raise errors.bad_request("A query parameter must be an object with a name and a value.")
        parameters[parameter["name"]] = parameter["value"]
    return text, parameters
