"""Asks checkov about everything that would be deployed: `python infra/bicep/security.py` in checkov's own environment.

checkov's parser of Bicep does not know the language as it is today, and passes what it cannot read. So it is given the
compiler's snapshots instead, as templates: there every name and every value is worked out.
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
"""Those without private endpoints."""

APP = "Microsoft.Web/sites"
APP_CONFIGURATION = "Microsoft.Web/sites/config"
GATEWAY = "Microsoft.ApiManagement/service"
COSMOS_DB = "Microsoft.DocumentDB/databaseAccounts"
KEY_VAULT = "Microsoft.KeyVault/vaults"
STORAGE = "Microsoft.Storage/storageAccounts"

# The networks are open, the services are not: whoever has no role gets nothing.
NO_NETWORK = "without a virtual network there is no other way in; keys are off, so only the app's identity gets in"
PUBLIC = "API Management (Consumption) has no virtual network; the platform takes its token and nobody else's"
FRONT_DOOR = "this is the public address of the system"
NOT_WEB = "takes the sign-in settings for the general configuration, which is on the app itself"


@dataclass(frozen=True)
class Suppression:
    """A rule that is broken on purpose: on which type of resource, in which environments, and why."""

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
        Suppression(f"CKV_AZURE_{number}", KEY_VAULT, frozenset({"dev"}), "dev may be destroyed and made anew")
        for number in (42, 110)
    ),
    Suppression("CKV_AZURE_99", COSMOS_DB, EVERYWHERE, f"{NO_NETWORK}; with one, public access is off altogether"),
    Suppression(
        "CKV_AZURE_36", STORAGE, frozenset({"private"}), "no service of Azure but the app has any business there"
    ),
    Suppression("CKV_AZURE_206", STORAGE, EVERYWHERE, "packages can be uploaded again; locks mean nothing elsewhere"),
    Suppression("CKV_AZURE_107", GATEWAY, EVERYWHERE, FRONT_DOOR),
    Suppression("CKV_AZURE_174", GATEWAY, EVERYWHERE, FRONT_DOOR),
    Suppression("CKV_AZURE_222", APP, EVERYWHERE, PUBLIC),
    Suppression("CKV_AZURE_17", APP, EVERYWHERE, "callers prove who they are with a token, not with a certificate"),
    Suppression(
        "CKV_AZURE_212", APP, EVERYWHERE, "looks for instances of a fixed plan; these scale, from alwaysReady on"
    ),
    Suppression("CKV_AZURE_213", APP, EVERYWHERE, "Flex Consumption has no health check; a web test asks instead"),
    Suppression("CKV_AZURE_225", "Microsoft.Web/serverfarms", frozenset({"dev"}), "dev may be down with its zone"),
    *(
        Suppression(f"CKV_AZURE_{number}", APP_CONFIGURATION, EVERYWHERE, NOT_WEB)
        for number in (13, 63, 65, 66, 80, 88, 222)
    ),
)


def template(snapshot: Path) -> dict[str, Any]:
    """The resources of a snapshot as one flat template."""
    resources = json.loads(snapshot.read_text(encoding="utf-8"))["predictedResources"]
    return {
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "resources": [{key: value for key, value in resource.items() if key != "id"} for resource in resources],
    }


def scan(environment: str) -> dict[str, Any]:
    """checkov's report on an environment."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{environment}.json"
        file.write_text(json.dumps(template(HERE / f"main.{environment}.snapshot.json")), encoding="utf-8")
        options = ("--framework", "arm", "--output", "json", "--compact", "--skip-download", "--soft-fail")
        command = [*CHECKOV, "--file", str(file), *options]
        run = subprocess.run(command, capture_output=True, check=False, text=True, timeout=TIMEOUT_SECONDS)  # noqa: S603  # our own words
    if run.returncode:
        raise SystemExit(f"checkov failed:\n{run.stderr}")
    return dict(json.loads(run.stdout))


type Broken = tuple[str, str, str]
"""Check, type of resource, environment."""


def explained() -> set[Broken]:
    """What may be broken."""
    return {
        (suppression.check, suppression.resource_type, environment)
        for suppression in SUPPRESSIONS
        for environment in suppression.environments
    }


def broken_rules(environment: str, report: dict[str, Any]) -> dict[Broken, str]:
    """What is broken, with the rule in words."""
    return {
        # The resource is named TYPE.NAME, and every type has one dot.
        (check["check_id"], ".".join(check["resource"].split(".")[:2]), environment): check["check_name"]
        for check in report["results"]["failed_checks"]
    }


def main() -> int:
    """0 where every broken rule is explained, every explanation is needed, and everything could be read."""
    complaints: list[str] = []
    broken: dict[Broken, str] = {}
    for environment in sorted(EVERYWHERE):
        report = scan(environment)
        broken |= broken_rules(environment, report)
        summary = report["summary"]
        if summary["parsing_errors"] or not summary["passed"]:
            complaints.append(f"{environment}: checkov could not read everything: {summary}")
        print(f"checkov, {environment}: {summary['passed']} passed, parsing errors: {summary['parsing_errors']}")  # noqa: T201  # a command
    complaints += [f"{' '.join(rule)}: {broken[rule]}" for rule in sorted(broken.keys() - explained())]
    complaints += [f"{' '.join(rule)} need not be suppressed" for rule in sorted(explained() - broken.keys())]
    for complaint in complaints:
        print(complaint, file=sys.stderr)  # noqa: T201  # a command
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
