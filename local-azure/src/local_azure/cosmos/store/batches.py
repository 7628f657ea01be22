"""Transactional batches: up to 100 operations on one logical partition, all or none."""

from collections.abc import Callable
from typing import Any, NamedTuple

from local_azure.cosmos import errors
from local_azure.cosmos.limits import MAX_BATCH_OPERATIONS
from local_azure.cosmos.store.containers import Container
from local_azure.cosmos.store.items import Change, Commit, ItemStore, Precondition, StoredItem
from local_azure.cosmos.store.storage import Storage

type PatchReader = Callable[[object], Change]
"""Reads the body of a patch, {"condition", "operations"}. Raises bad_request."""


class OperationResult(NamedTuple):
    """`created`: whether the item is new. `item` is None if the operation failed."""

    operation: str
    item: StoredItem | None
    created: bool
    error: errors.CosmosError | None


class _Operation(NamedTuple):
    kind: str
    item_id: Any
    body: Any
    precondition: Precondition


class BatchStore:
    """Executes batches. Once an operation has failed, the results of all others are failed_dependency."""

    def __init__(self, storage: Storage, items: ItemStore, read_patch: PatchReader) -> None:
        self._storage = storage
        self._items = items
        self._read_patch = read_patch

    def execute(self, container: Container, partition_key: str, operations: object) -> list[OperationResult]:
        """Returns a result for each operation. Raises bad_request for a batch that is empty, too large or malformed."""
        parsed = _parse(operations)
        commit = Commit(container, partition_key)
        results: list[OperationResult] = []
        try:
            with self._storage.savepoint():
                for operation in parsed:
                    results.append(self._execute(commit, operation))
        except errors.CosmosError as error:
            failed = OperationResult(parsed[len(results)].kind, None, created=False, error=error)
            other = errors.failed_dependency()
            answers = [OperationResult(operation.kind, None, created=False, error=other) for operation in parsed]
            answers[len(results)] = failed
            return answers
        finally:
            if len(results) < len(parsed):
                commit.roll_back()
        return results

    def _execute(self, commit: Commit, operation: _Operation) -> OperationResult:
        kind, precondition = operation.kind, operation.precondition
        created = kind == "Create"
        item: StoredItem
        if kind == "Create":
            item = self._items.create(commit, operation.body)
        elif kind == "Upsert":
            item, created = self._items.upsert(commit, operation.body, precondition)
        elif kind == "Replace":
            item = self._items.replace(commit, operation.item_id, operation.body, precondition)
        elif kind == "Delete":
            item = self._items.delete(commit, operation.item_id, precondition)
        elif kind == "Patch":
            item = self._items.change(commit, operation.item_id, self._read_patch(operation.body), precondition)
        else:
            item = self._items.get(commit.container, commit.partition_key, operation.item_id)
            precondition.check(item.etag)
        return OperationResult(kind, item, created, None)


_NEEDS_BODY = frozenset(("Create", "Upsert", "Replace", "Patch"))
_NEEDS_ID = frozenset(("Replace", "Delete", "Read", "Patch"))


def _parse(operations: object) -> list[_Operation]:
    if not isinstance(operations, list) or not operations:
        raise errors.bad_request("Batch request has no operations.")
    if len(operations) > MAX_BATCH_OPERATIONS:
        raise errors.bad_request("Batch request has more operations than what is supported.")
    return [_parse_operation(operation) for operation in operations]


def _parse_operation(operation: object) -> _Operation:
    if not isinstance(operation, dict) or operation.get("operationType") not in _NEEDS_BODY | _NEEDS_ID:
        raise errors.bad_request("A batch operation is an object with a known operationType.")
    kind, item_id, body = operation["operationType"], operation.get("id"), operation.get("resourceBody")
    if kind in _NEEDS_ID and not isinstance(item_id, str):
        raise errors.bad_request(f"The batch operation {kind} needs an id.")
    if kind in _NEEDS_BODY and not isinstance(body, dict):
        raise errors.bad_request(f"The batch operation {kind} needs a resourceBody that is an object.")
    return _Operation(kind, item_id, body, Precondition(operation.get("ifMatch"), operation.get("ifNoneMatch")))
