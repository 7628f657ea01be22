"""The environments that can be deployed: each has a parameter file next to main.bicep."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from tools.paths import ROOT

BICEP_FOLDER = Path("infra/bicep")
DEFAULT_LOCATION = "koreacentral"
# A parameter that is read from the environment and has no default.
REQUIRED_VARIABLE = re.compile(r"^param (\w+) = readEnvironmentVariable\('(\w+)'\)", re.MULTILINE)
# tools/delivery/budget.py works this one out; nobody has to set it.
BUDGET_START_DATE = "BUDGET_START_DATE"


@dataclass(frozen=True)
class Environment:
    """`name`: such as dev; `root`: the folder of the project."""

    name: str
    root: Path = ROOT

    @property
    def parameters(self) -> Path:
        """The parameter file."""
        return self.root / BICEP_FOLDER / f"main.{self.name}.bicepparam"

    @property
    def deployment(self) -> str:
        """The name of its deployments in the subscription."""
        return f"ssak8-{self.name}"

    @property
    def resource_group(self) -> str:
        return f"rg-{self.name}"

    @property
    def location(self) -> str:
        return os.environ.get("AZURE_LOCATION") or DEFAULT_LOCATION

    def missing_variables(self) -> dict[str, str]:
        """The required environment variables that are not set: name → description."""
        template = (self.root / BICEP_FOLDER / "main.bicep").read_text(encoding="utf-8")
        required = REQUIRED_VARIABLE.findall(self.parameters.read_text(encoding="utf-8"))
        return {
            variable: _description(template, name)
            for name, variable in required
            if variable != BUDGET_START_DATE and not os.environ.get(variable)
        }


def environment_names(root: Path = ROOT) -> list[str]:
    """The names of all environments, sorted."""
    return sorted(path.name.split(".")[1] for path in (root / BICEP_FOLDER).glob("main.*.bicepparam"))


def _description(template: str, parameter: str) -> str:
    """The description of a parameter in main.bicep; empty if it has none."""
    found = re.search(rf"@description\('([^']*)'\)\n(?:@[^\n]*\n)*param {parameter} ", template)
    return found[1] if found else ""
