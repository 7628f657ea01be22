"""The resource providers of Azure that an environment needs, and which of them the subscription has not registered.

Whoever deploys to the subscription registers what the templates name. Nobody registers, for a deployment to a resource
group only, what its identity may not register, nor the service that a subnet is delegated to.
"""

import json
from collections.abc import Iterator
from typing import Any

from tools.delivery import azure_cli
from tools.delivery.environments import Environment


def needed(environment: Environment) -> list[str]:
    """The namespaces of all that is deployed, as its snapshots say."""
    found = {
        namespace
        for snapshot in environment.snapshots()
        for resource in json.loads(snapshot.read_text(encoding="utf-8"))["predictedResources"]
        for namespace in (_namespace(resource["type"]), *_delegated_to(resource))
    }
    return sorted(found)


def unregistered(environment: Environment) -> dict[str, str]:
    """The needed providers that are not registered: namespace → state, such as Registering. Raises AzureCliError."""
    listed = azure_cli.read_json("provider", "list", "--query", "[].{name: namespace, state: registrationState}")
    states = {provider["name"].lower(): provider["state"] for provider in listed or []}
    found = {namespace: states.get(namespace.lower(), "NotRegistered") for namespace in needed(environment)}
    return {namespace: state for namespace, state in found.items() if state != "Registered"}


def register_command(namespace: str) -> tuple[str, ...]:
    """The arguments of `az` that register a provider and wait for it."""
    return ("provider", "register", "--namespace", namespace, "--wait")


def _namespace(resource_type: str) -> str:
    return resource_type.partition("/")[0]


def _delegated_to(value: Any) -> Iterator[str]:
    """The namespaces of the services that own a subnet anywhere in a resource."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "delegations":
                yield from (_namespace(delegation["properties"]["serviceName"]) for delegation in inner)
            else:
                yield from _delegated_to(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _delegated_to(inner)
