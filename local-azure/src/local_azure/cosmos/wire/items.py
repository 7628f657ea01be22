"""Requests about single items, and transactional batches."""

import json
from collections.abc import Callable
from typing import Any

from local_azure.cosmos import errors
from local_azure.cosmos.limits import MAX_BATCH_BYTES
from local_azure.cosmos.store import resource_ids
from local_azure.cosmos.store.account import Account
from local_azure.cosmos.store.batches import BatchStore, OperationResult
from local_azure.cosmos.store.containers import Container
from local_azure.cosmos.store.items import Change, Commit, Item, StoredItem
from local_azure.cosmos.store.patching import apply_patch
from local_azure.cosmos.wire import headers
from local_azure.cosmos.wire.charges import read_charge, write_charge
from local_azure.cosmos.wire.messages import Request, Response
from local_azure.cosmos.wire.paths import ResourcePath

type ConditionReader = Callable[[str], Callable[[Item, float], bool]]
"""Compiles the condition of a patch, "FROM c WHERE …", to a test of an item at a time. Raises bad_request."""


class ItemRequests:
    """Each method answers one kind of request."""

    def __init__(self, account: Account, read_condition: ConditionReader) -> None:
        self._account = account
        self._items = account.items
        self._read_condition = read_condition
        self._batches = BatchStore(account.storage, account.items, self._patch)

    def create(self, request: Request, path: ResourcePath) -> Response:
        container, key = self._target(request, path)
        item = self._items.create(Commit(container, key), headers.item_body(request))
        return self._written(request, container, item, 201)

    def upsert(self, request: Request, path: ResourcePath) -> Response:
        container, key = self._target(request, path)
        commit = Commit(container, key)
        item, created = self._items.upsert(commit, headers.item_body(request), headers.precondition(request))
        return self._written(request, container, item, 201 if created else 200)

    def read(self, request: Request, path: ResourcePath) -> Response:
        container, key = self._target(request, path)
        item = self._items.get(container, key, self._item_id(container, path))
        body = item.body.encode("utf-8")
        answer_headers = headers.item_headers(request, container, read_charge(len(body)), item.etag)
        if request.headers.get("if-none-match") == item.etag:
            return Response(304, b"", answer_headers)
        return Response(200, body, answer_headers)

    def replace(self, request: Request, path: ResourcePath) -> Response:
        container, key = self._target(request, path)
        commit, item_id = Commit(container, key), self._item_id(container, path)
        item = self._items.replace(commit, item_id, headers.item_body(request), headers.precondition(request))
        return self._written(request, container, item, 200)

    def patch(self, request: Request, path: ResourcePath) -> Response:
        container, key = self._target(request, path)
        commit, item_id = Commit(container, key), self._item_id(container, path)
        change = self._patch(headers.item_body(request))
        item = self._items.change(commit, item_id, change, headers.precondition(request))
        return self._written(request, container, item, 200)

    def delete(self, request: Request, path: ResourcePath) -> Response:
        container, key = self._target(request, path)
        commit, item_id = Commit(container, key), self._item_id(container, path)
        item = self._items.delete(commit, item_id, headers.precondition(request))
        return Response(204, b"", headers.item_headers(request, container, write_charge(len(item.body))))

    def delete_partition(self, request: Request, path: ResourcePath) -> Response:
        container, key = self._target(request, path)
        self._items.delete_partition(Commit(container, key))
        return Response(200, b"", headers.item_headers(request, container, write_charge(0)))

    def batch(self, request: Request, path: ResourcePath) -> Response:
        if len(request.body) > MAX_BATCH_BYTES:
            raise errors.request_too_large()
        if request.headers.get("x-ms-cosmos-batch-continue-on-error", "false").lower() == "true":
            raise errors.not_supported("batches that continue on an error")
        container, key = self._target(request, path)
        results = self._batches.execute(container, key, headers.json_body(request))
        failed = any(result.error for result in results)
        minimal = headers.wants_no_content(request)
        body = "[" + ",".join(_rendered_result(result, minimal=minimal) for result in results) + "]"
        charge = f"{sum(float(_charge(result)) for result in results):.2f}"
        return Response(207 if failed else 200, body.encode(), headers.item_headers(request, container, charge))

    def _target(self, request: Request, path: ResourcePath) -> tuple[Container, str]:
        container = self._account.owning_container(path.database, path.container)
        headers.check_intended_container(request, container)
        return container, headers.partition_key(request, container)

    def _item_id(self, container: Container, path: ResourcePath) -> str:
        """The id in the path, or the id of the item with the `_rid` in the path. Raises not_found."""
        if path.database == container.database.id:
            return path.item
        number = resource_ids.item_number(path.item)
        row = self._account.storage.read(container.statements.find_by_number, (number,)).fetchone()
        if row is None:
            raise errors.not_found()
        return str(row[0])

    def _patch(self, body: Any) -> Change:
        if not isinstance(body, dict):
            raise errors.bad_request("A patch must be an object with operations.")
        condition = body.get("condition")
        accepts = self._read_condition(condition) if condition else None

        def change(item: Item) -> Item:
            if accepts is not None and not accepts(item, self._account.clock()):
                raise errors.precondition_failed()
            return apply_patch(item, body.get("operations"))

        return change

    def _written(self, request: Request, container: Container, item: StoredItem, status: int) -> Response:
        body = b"" if headers.wants_no_content(request) else item.body.encode("utf-8")
        charge = write_charge(len(item.body))
        return Response(status, body, headers.item_headers(request, container, charge, item.etag))


_STATUSES = {"Delete": 204}


def _charge(result: OperationResult) -> str:
    size = len(result.item.body) if result.item else 0
    return read_charge(size) if result.operation == "Read" else write_charge(size)


def _rendered_result(result: OperationResult, *, minimal: bool) -> str:
    if result.error is not None or result.item is None:
        status = result.error.status if result.error else 500
        charge = 0 if status == 424 else 1
        rendered = {"statusCode": status, "requestCharge": charge}
        if result.error and result.error.sub_status:
            rendered["subStatusCode"] = result.error.sub_status
        return json.dumps(rendered)
    status = 201 if result.created else _STATUSES.get(result.operation, 200)
    fields = f'"statusCode":{status},"requestCharge":{_charge(result)}'
    if result.operation == "Delete":
        return f"{{{fields}}}"
    fields += f',"eTag":{json.dumps(result.item.etag)}'
    if minimal and result.operation != "Read":
        return f"{{{fields}}}"
    return f'{{{fields},"resourceBody":{result.item.body}}}'
