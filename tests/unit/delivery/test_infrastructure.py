"""The delivery and infra/bicep speak of the same names."""

import re
from pathlib import Path

import pytest

from delivery.deployment import APPS
from delivery.environments import BICEP_FOLDER, ROOT, Environment, environment_names

TEMPLATE = (ROOT / BICEP_FOLDER / "main.bicep").read_text(encoding="utf-8")
OUTPUTS = set(re.findall(r"^output (\w+) ", TEMPLATE, re.MULTILINE))
WORKFLOWS = ROOT / ".github/workflows"


def test_the_environments_of_the_workflows_have_parameters() -> None:
    assert {"dev", "prod"} <= set(environment_names())


def test_every_output_that_the_delivery_reads_is_given() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "delivery").glob("*.py"))
    read = set(re.findall(r'known\["(\w+)"\]', source))

    assert read == {"AZURE_RESOURCE_GROUP", "AZURE_LOCATION", "GATEWAY_URL", "GATEWAY_NAME", "KEY_VAULT_NAME"}
    assert read | {f"{app.upper()}_{what}" for app in APPS for what in ("APP_NAME", "URL")} <= OUTPUTS


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_every_variable_that_the_parameters_need_is_explained_and_given_by_the_workflows(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("AUTH_CLIENT_ID", "OPERATOR_EMAIL"):
        monkeypatch.delenv(variable, raising=False)

    missing = Environment(name).missing_variables()

    assert set(missing) == {"AUTH_CLIENT_ID", "OPERATOR_EMAIL"}
    assert all(missing.values())
    for workflow in ("environment.yml", "deploy.yml"):
        given = re.findall(r"^ +(\w+): \$\{\{ vars\.\1 \}\}$", (WORKFLOWS / workflow).read_text(), re.MULTILINE)
        assert set(given) == set(missing)


def test_the_template_is_that_of_the_parameters() -> None:
    for name in environment_names():
        assert Path(Environment(name).parameters).read_text(encoding="utf-8").count("using './main.bicep'") == 1
