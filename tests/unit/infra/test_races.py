"""Resource Manager deploys at once whatever does not wait; services refuse two changes of one resource at once."""

import re
from itertools import combinations
from typing import Any

from tests.unit.infra.compiler import templates

MODULE = "Microsoft.Resources/deployments"

type Resources = dict[str, dict[str, Any]]


def created(template: dict[str, Any]) -> Resources:
    """The resources of a template by their symbolic names, without those that it only refers to."""
    return {name: resource for name, resource in template["resources"].items() if not resource.get("existing")}


def waits_for(resources: Resources, name: str) -> set[str]:
    """Everything that is deployed before a resource."""
    direct = set(resources[name].get("dependsOn", [])) & resources.keys()
    return direct.union(*(waits_for(resources, other) for other in direct))


def parent(resource: dict[str, Any]) -> str:
    """Type and name of the parent as expressions; empty if it has none."""
    resource_type, _, kind = resource["type"].rpartition("/")
    if "/" not in resource_type or resource["type"] == MODULE:
        return ""
    found = re.fullmatch(r"\[format\('[^']*', (.+)\)\]", resource["name"])
    assert found, resource["name"]
    return f"{resource_type} {_without_last_argument(found[1])}" if kind else ""


def _without_last_argument(arguments: str) -> str:
    depth = 0
    for position in range(len(arguments) - 1, -1, -1):
        depth += {")": 1, "]": 1, "(": -1, "[": -1}.get(arguments[position], 0)
        if arguments[position] == "," and depth == 0:
            return arguments[:position]
    return ""


def test_the_elements_of_a_loop_are_deployed_one_after_the_other_if_they_change_the_same_resource() -> None:
    loops = [
        (name, resource)
        for template in templates("main.bicep")
        for name, resource in created(template).items()
        if "copy" in resource
    ]
    # The modules in loops are the subscriptions of one topic and the endpoints of one subnet.
    racing = {
        name: resource["copy"].get("mode") == "serial" and resource["copy"]["batchSize"] == 1
        for name, resource in loops
        if resource["type"] == MODULE or (parent(resource) and "copyIndex" not in parent(resource))
    }

    assert {"roles", "backends", "sqlContainers", "rules", "subscriptions", "privateEndpoints"} <= racing.keys()
    assert [name for name, serial in racing.items() if not serial] == []


def test_children_of_the_same_resource_wait_for_each_other() -> None:
    racing = []
    for template in templates("main.bicep"):
        resources = created(template)
        for one, other in combinations(resources, 2):
            same = parent(resources[one]) and parent(resources[one]) == parent(resources[other])
            if same and one not in waits_for(resources, other) and other not in waits_for(resources, one):
                racing.append((one, other))

    assert racing == []
