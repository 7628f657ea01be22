"""The environments that can be deployed: each is a file of parameters beside main.bicep."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
BICEP_FOLDER = Path("infra/bicep")
DEFAULT_LOCATION = "koreacentral"
# A parameter that comes from the environment, and has no value without it.
REQUIRED_VARIABLE = re.compile(r"^param (\w+) = readEnvironmentVariable\('(\w+)'\)", re.MULTILINE)
# What nobody has to give: delivery.budget asks Azure.
BUDGET_START_DATE = "BUDGET_START_DATE"


@dataclass(frozen=True)
class Environment:
    """`name`: such as dev; `root`: the folder of the project."""

    name: str
    root: Path = ROOT

    @property
    def parameters(self) -> Path:
        return self.root / BICEP_FOLDER / f"main.{self.name}.bicepparam"

    @property
    def deployment(self) -> str:
        """What its deployments are called in the subscription."""
        return f"ssak8-{self.name}"

    @property
    def resource_group(self) -> str:
        return f"rg-{self.name}"

    @property
    def location(self) -> str:
        return os.environ.get("AZURE_LOCATION") or DEFAULT_LOCATION

    def missing_variables(self) -> dict[str, str]:
        """The environment variables that somebody has to set and that are not set: name → what it is for."""
        template = (self.root / BICEP_FOLDER / "main.bicep").read_text(encoding="utf-8")
        required = REQUIRED_VARIABLE.findall(self.parameters.read_text(encoding="utf-8"))
        return {
            variable: _description(template, name)
            for name, variable in required
            if variable != BUDGET_START_DATE and not os.environ.get(variable)
        }


def environment_names(root: Path = ROOT) -> list[str]:
    """All there are."""
    return sorted(path.name.split(".")[1] for path in (root / BICEP_FOLDER).glob("main.*.bicepparam"))


def _description(template: str, parameter: str) -> str:
    """What main.bicep says of a parameter; empty where it says nothing."""
    found = re.search(rf"@description\('([^']*)'\)\n(?:@[^\n]*\n)*param {parameter} ", template)
    return found[1] if found else ""
