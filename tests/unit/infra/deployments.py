"""The resources that would be deployed, as the Bicep compiler predicts them: infra/bicep/*.snapshot.json.

A pipeline deploys the system, to the resource group that a person's foundation created before.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from tools.paths import ROOT

BICEP = ROOT / "infra" / "bicep"
ENVIRONMENTS = ("dev", "prod", "private")

type Resource = dict[str, Any]


@dataclass(frozen=True)
class Deployment:
    """The deployment of one template to one environment. `outputs`: by name."""

    resources: Sequence[Resource]
    outputs: dict[str, Any]

    @property
    def token(self) -> str:
        """The part that makes the names of this deployment unique."""
        return str(self.outputs["COSMOS_ACCOUNT_NAME"]).removeprefix("cosmos-")

    def all(self, resource_type: str) -> list[Resource]:
        """All resources of a type."""
        return [resource for resource in self.resources if resource["type"] == resource_type]

    def one(self, resource_type: str, ending: str = "") -> Resource:
        """The only resource of a type whose name ends with `ending`."""
        [found] = [resource for resource in self.all(resource_type) if resource["name"].endswith(ending)]
        return found

    def app(self, name: str) -> Resource:
        """A function app."""
        return self.one("Microsoft.Web/sites", f"func-{name}-{self.token}")

    def settings(self, app: str) -> dict[str, str]:
        """The app settings: name → value, or an expression that only Azure can evaluate."""
        return {
            setting["name"]: setting["value"] for setting in self.app(app)["properties"]["siteConfig"]["appSettings"]
        }


def deployment(environment: str) -> Deployment:
    """The system of an environment."""
    return _snapshot(f"system.{environment}")


def foundation(environment: str) -> Deployment:
    """The foundation of an environment."""
    return _snapshot(f"foundation.{environment}")


@cache
def _snapshot(name: str) -> Deployment:
    """Reads a committed snapshot."""
    snapshot = json.loads((BICEP / f"{name}.snapshot.json").read_text(encoding="utf-8"))
    assert snapshot["diagnostics"] == []
    return Deployment(snapshot["predictedResources"], snapshot["outputs"])


def identity_in(expression: str) -> str:
    """The owner of the identity that an expression reads: `customer`, `kakao`, `customerview`, `web` or `gateway`."""
    found = set(re.findall(r"/userAssignedIdentities/id-([a-z]+)-", expression))
    [name] = found
    return str(name)
