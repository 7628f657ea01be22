"""The environments that can be deployed: each has parameter files for foundation.bicep and system.bicep."""

import os
import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tools.paths import ROOT

BICEP_FOLDER = Path("infra/bicep")
DEFAULT_LOCATION = "koreacentral"
# A parameter that is read from the environment and has no default.
REQUIRED_VARIABLE = re.compile(r"^param (\w+) = readEnvironmentVariable\('(\w+)'\)", re.MULTILINE)
# Any variable that the parameters read, in a parameter of its own or in a part of one.
READ_VARIABLE = re.compile(r"readEnvironmentVariable\('(\w+)'")
# tools/delivery/budget.py works this one out; nobody has to set it.
BUDGET_START_DATE = "BUDGET_START_DATE"


class Template(StrEnum):
    """What is deployed: first what needs rights on the subscription, then all else, to the resource group."""

    FOUNDATION = "foundation"
    SYSTEM = "system"


@dataclass(frozen=True)
class Environment:
    """`name`: such as dev; `root`: the folder of the project."""

    name: str
    root: Path = ROOT

    def parameters(self, template: Template) -> Path:
        """The parameter file."""
        return self.root / BICEP_FOLDER / f"{template}.{self.name}.bicepparam"

    def snapshots(self) -> list[Path]:
        """What would be deployed, as the compiler wrote it down; that of all environments if there is none."""
        folder = self.root / BICEP_FOLDER
        return sorted(folder.glob(f"*.{self.name}.snapshot.json")) or sorted(folder.glob("*.snapshot.json"))

    @property
    def deployment(self) -> str:
        """The name of its deployments in the resource group."""
        return f"ssak8-{self.name}"

    @property
    def foundation_deployment(self) -> str:
        """The name of the deployments of its foundation in the subscription."""
        return f"ssak8-foundation-{self.name}"

    @property
    def resource_group(self) -> str:
        return f"rg-{self.name}"

    @property
    def location(self) -> str:
        return os.environ.get("AZURE_LOCATION") or DEFAULT_LOCATION

    def missing_variables(self, template: Template) -> dict[str, str]:
        """The required environment variables that are not set: name → description."""
        described = (self.root / BICEP_FOLDER / f"{template}.bicep").read_text(encoding="utf-8")
        required = REQUIRED_VARIABLE.findall(self.parameters(template).read_text(encoding="utf-8"))
        return {
            variable: _description(described, name)
            for name, variable in required
            if variable != BUDGET_START_DATE and not os.environ.get(variable)
        }

    def read_variables(self, template: Template) -> list[str]:
        """The environment variables that the parameters read, required or not."""
        return READ_VARIABLE.findall(self.parameters(template).read_text(encoding="utf-8"))


def environment_names(root: Path = ROOT) -> list[str]:
    """The names of all environments, sorted."""
    return sorted(path.name.split(".")[1] for path in (root / BICEP_FOLDER).glob(f"{Template.SYSTEM}.*.bicepparam"))


def _description(template: str, parameter: str) -> str:
    """The description of a parameter in a template; empty if it has none."""
    found = re.search(rf"@description\('([^']*)'\)\n(?:@[^\n]*\n)*param {parameter} ", template)
    return found[1] if found else ""
