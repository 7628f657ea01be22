import json
from pathlib import Path
from typing import Any

import pytest

from local_azure.cosmos.definitions import ContainersFileError, read_containers

ORDERS: dict[str, Any] = {"id": "orders", "partitionKey": {"paths": ["/customer"]}}


def file_of(folder: Path, *containers: object) -> Path:
    file = folder / "containers.json"
    file.write_text(json.dumps({"databases": [{"id": "shop", "containers": containers}]}))
    return file


def test_a_container_is_read_with_the_field_names_of_the_rest_api(tmp_path: Path) -> None:
    policy = {"includedPaths": [{"path": "/number/?"}], "excludedPaths": [{"path": "/*"}]}

    [container] = read_containers(file_of(tmp_path, {**ORDERS, "defaultTtl": -1, "indexingPolicy": policy}))

    assert container.database == "shop"
    assert container.resource() == {
        "id": "orders",
        "partitionKey": {"paths": ["/customer"], "kind": "Hash", "version": 2},
        "defaultTtl": -1,
        "indexingPolicy": policy,
    }


@pytest.mark.parametrize(
    ("container", "named"),
    [
        ({"id": "orders"}, "databases.0.containers.0.partitionKey: Field required"),
        ({**ORDERS, "defaultTTL": -1}, "databases.0.containers.0.defaultTTL: Extra inputs"),
        ({**ORDERS, "defaultTtl": "1"}, "defaultTtl: Input should be a valid integer"),
        ({**ORDERS, "indexingPolicy": {"includedPaths": ["/a/?"]}}, "indexingPolicy.includedPaths.0"),
        ({**ORDERS, "id": ""}, "containers.0.id"),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, container: dict[str, Any], named: str) -> None:
    with pytest.raises(ContainersFileError) as caught:
        read_containers(file_of(tmp_path, container))

    assert named in str(caught.value)
    assert "containers.json" in str(caught.value)


def test_a_container_that_is_named_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContainersFileError, match="shop/orders is named twice"):
        read_containers(file_of(tmp_path, ORDERS, ORDERS))


def test_a_file_that_is_missing_or_no_json_is_named(tmp_path: Path) -> None:
    with pytest.raises(ContainersFileError, match=r"nowhere\.json: cannot be read"):
        read_containers(tmp_path / "nowhere.json")

    (tmp_path / "text").write_text("{")
    with pytest.raises(ContainersFileError, match="text: not valid JSON"):
        read_containers(tmp_path / "text")
