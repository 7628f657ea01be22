"""Checks everything that would be deployed with checkov: `python infra/bicep/security.py` in checkov's own environment.

checkov's parser does not know current Bicep, and passes what it cannot read. So it gets the compiler's snapshots
instead, as templates in which every name and value is evaluated.
"""

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
# Not the program `checkov`, whose first line has the path where it was installed.
CHECKOV = (sys.executable, "-m", "checkov.main")
TIMEOUT_SECONDS = 300
EVERYWHERE = frozenset({"dev", "prod", "private"})
OPEN = frozenset({"dev", "prod"})
"""The environments without private endpoints."""

APP = "Microsoft.Web/sites"
APP_CONFIGURATION = "Microsoft.Web/sites/config"
GATEWAY = "Microsoft.ApiManagement/service"
COSMOS_DB = "Microsoft.DocumentDB/databaseAccounts"
KEY_VAULT = "Microsoft.KeyVault/vaults"
STORAGE = "Microsoft.Storage/storageAccounts"

# Where the network is open, access still needs a role.
NO_NETWORK = "without a virtual network it must be public; keys are disabled, so access needs an identity with a role"
PUBLIC = "API Management (Consumption) has no virtual network; the platform accepts only the tokens of the callers"
FRONT_DOOR = "this is the public address of the system"
NOT_WEB = "mistakes the sign-in settings for the general configuration, which is on the app itself"


@dataclass(frozen=True)
class Suppression:
    """A rule that is broken on purpose, for a type of resource in some environments."""

    check: str
    resource_type: str
    environments: frozenset[str]
    reason: str


SUPPRESSIONS = (
    Suppression("CKV_AZURE_101", COSMOS_DB, OPEN, NO_NETWORK),
    Suppression("CKV_AZURE_35", STORAGE, OPEN, NO_NETWORK),
    Suppression("CKV_AZURE_59", STORAGE, OPEN, NO_NETWORK),
    Suppression("CKV_AZURE_109", KEY_VAULT, OPEN, NO_NETWORK),
    Suppression("CKV_AZURE_189", KEY_VAULT, OPEN, NO_NETWORK),
    *(
        Suppression(f"CKV_AZURE_{number}", KEY_VAULT, frozenset({"dev"}), "dev may be destroyed and created again")
        for number in (42, 110)
    ),
    Suppression(
        "CKV_AZURE_41",
        f"{KEY_VAULT}/secrets",
        EVERYWHERE,
        "an owner key that expires would lose all claims; the others are replaced by people, at once or once a year",
    ),
    Suppression("CKV_AZURE_99", COSMOS_DB, EVERYWHERE, f"{NO_NETWORK}; with one, public access is off altogether"),
    Suppression("CKV_AZURE_36", STORAGE, frozenset({"private"}), "no service of Azure but the app needs access"),
    Suppression("CKV_AZURE_206", STORAGE, EVERYWHERE, "packages can be uploaded again; locks are useless elsewhere"),
    Suppression("CKV_AZURE_107", GATEWAY, EVERYWHERE, FRONT_DOOR),
    Suppression("CKV_AZURE_174", GATEWAY, EVERYWHERE, FRONT_DOOR),
    Suppression("CKV_AZURE_222", APP, EVERYWHERE, PUBLIC),
    Suppression("CKV_AZURE_17", APP, EVERYWHERE, "callers authenticate with a token, not with a certificate"),
    Suppression(
        "CKV_AZURE_212", APP, EVERYWHERE, "expects a fixed number of instances; these scale, from alwaysReady on"
    ),
    Suppression("CKV_AZURE_213", APP, EVERYWHERE, "Flex Consumption has no health check; web tests replace it"),
    Suppression("CKV_AZURE_225", "Microsoft.Web/serverfarms", frozenset({"dev"}), "dev may go down with its zone"),
    *(
        Suppression(f"CKV_AZURE_{number}", APP_CONFIGURATION, EVERYWHERE, NOT_WEB)
        for number in (13, 63, 65, 66, 80, 88, 222)
    ),
)


def template(environment: str) -> dict[str, Any]:
    """The resources of an environment's snapshots as one flat template."""
    resources = [
        resource
        for snapshot in sorted(HERE.glob(f"*.{environment}.snapshot.json"))
        for resource in json.loads(snapshot.read_text(encoding="utf-8"))["predictedResources"]
    ]
    return {
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "resources": [{key: value for key, value in resource.items() if key != "id"} for resource in resources],
    }


def scan(environment: str) -> dict[str, Any]:
    """checkov's report on an environment."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{environment}.json"
        file.write_text(json.dumps(template(environment)), encoding="utf-8")
        options = ("--framework", "arm", "--output", "json", "--compact", "--skip-download", "--soft-fail")
        command = [*CHECKOV, "--file", str(file), *options]
        run = subprocess.run(command, capture_output=True, check=False, text=True, timeout=TIMEOUT_SECONDS)  # noqa: S603  # no input from outside
    if run.returncode:
        raise SystemExit(f"checkov failed:\n{run.stderr}")
    return dict(json.loads(run.stdout))


type Broken = tuple[str, str, str]
"""Check, type of resource, environment."""


def suppressed() -> set[Broken]:
    """The rules that may be broken."""
    return {
        (suppression.check, suppression.resource_type, environment)
        for suppression in SUPPRESSIONS
        for environment in suppression.environments
    }


def broken_rules(environment: str, report: dict[str, Any]) -> dict[Broken, str]:
    """The broken rules, with their names."""
    return {
        # The resource is TYPE.NAME, and every type contains one dot.
        (check["check_id"], ".".join(check["resource"].split(".")[:2]), environment): check["check_name"]
        for check in report["results"]["failed_checks"]
    }


def main() -> int:
    """Returns 0 if every broken rule is suppressed, every suppression is needed, and everything could be parsed."""
    problems: list[str] = []
    broken: dict[Broken, str] = {}
    for environment in sorted(EVERYWHERE):
        report = scan(environment)
        broken |= broken_rules(environment, report)
        summary = report["summary"]
        if summary["parsing_errors"] or not summary["passed"]:
            problems.append(f"{environment}: checkov could not read everything: {summary}")
        print(f"checkov, {environment}: {summary['passed']} passed, parsing errors: {summary['parsing_errors']}")  # noqa: T201  # a command
    problems += [f"{' '.join(rule)}: {broken[rule]}" for rule in sorted(broken.keys() - suppressed())]
    problems += [f"{' '.join(rule)} does not need its suppression" for rule in sorted(suppressed() - broken.keys())]
    for problem in problems:
        print(problem, file=sys.stderr)  # noqa: T201  # a command
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
