from typing import Any

import pytest

from local_azure.cosmos.errors import CosmosError
from local_azure.cosmos.store.patching import apply_patch


def item() -> dict[str, Any]:
    return {"id": "1", "name": "kim", "count": 2, "tags": ["a", "b"], "address": {"city": "Seoul"}}


@pytest.mark.parametrize(
    ("operation", "changed"),
    [
        ({"op": "add", "path": "/age", "value": 20}, {"age": 20}),
        ({"op": "add", "path": "/address/zip", "value": "04524"}, {"address": {"city": "Seoul", "zip": "04524"}}),
        ({"op": "add", "path": "/tags/1", "value": "x"}, {"tags": ["a", "x", "b"]}),
        ({"op": "add", "path": "/tags/-", "value": "x"}, {"tags": ["a", "b", "x"]}),
        ({"op": "set", "path": "/name", "value": "lee"}, {"name": "lee"}),
        ({"op": "set", "path": "/tags/1", "value": "x"}, {"tags": ["a", "x"]}),
        ({"op": "replace", "path": "/address/city", "value": "Busan"}, {"address": {"city": "Busan"}}),
        ({"op": "remove", "path": "/tags/0"}, {"tags": ["b"]}),
        ({"op": "incr", "path": "/count", "value": 3}, {"count": 5}),
        ({"op": "incr", "path": "/missing", "value": 3}, {"missing": 3}),
        ({"op": "move", "from": "/address/city", "path": "/city"}, {"address": {}, "city": "Seoul"}),
        ({"op": "add", "path": "/a~1b", "value": 1}, {"a/b": 1}),
    ],
)
def test_an_operation_changes_what_its_path_names(operation: dict[str, Any], changed: dict[str, Any]) -> None:
    assert apply_patch(item(), [operation]) == {**item(), **changed}


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": "/missing", "value": 1},
        {"op": "remove", "path": "/missing"},
        {"op": "add", "path": "/missing/deep", "value": 1},
        {"op": "add", "path": "/name/deep", "value": 1},
        {"op": "add", "path": "/tags/9", "value": 1},
        {"op": "incr", "path": "/name", "value": 1},
        {"op": "incr", "path": "/count", "value": "1"},
        {"op": "set", "path": "/id", "value": "2"},
        {"op": "set", "path": "/_ts", "value": 2},
        {"op": "move", "from": "/address", "path": "/address/inner"},
        {"op": "set", "path": "name", "value": 1},
        {"op": "set", "path": "/name"},
        {"op": "copy", "path": "/name", "value": 1},
        "no operation",
    ],
)
def test_an_operation_that_cannot_be_is_refused(operation: Any) -> None:
    with pytest.raises(CosmosError) as refused:
        apply_patch(item(), [operation])

    assert refused.value.code == "BadRequest"


def test_a_patch_has_one_to_ten_operations() -> None:
    increment = {"op": "incr", "path": "/count", "value": 1}

    assert apply_patch(item(), [increment] * 10)["count"] == 12
    for operations in ([], [increment] * 11, None):
        with pytest.raises(CosmosError, match="operations"):
            apply_patch(item(), operations)
