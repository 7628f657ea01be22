"""Deploys to Azure: `python -m tools.delivery what-if|deploy|apps|destroy ENVIRONMENT`.

Exit code 0: done; 1: it failed; 2: something is missing that has to be there first.
"""

import argparse
import contextlib
import os
import sys
import zipfile
from collections import Counter
from pathlib import Path

from tools.delivery import deployment
from tools.delivery.azure_cli import AzureCliError, ask
from tools.delivery.deployment import DeploymentError, Patience
from tools.delivery.environments import ROOT, Environment
from tools.delivery.package import PACKAGE, build
from tools.delivery.preconditions import Problem, problems
from tools.delivery.watch import Watch

MISSING = 2
HELP = {
    "what-if": "show what a deployment would change in the infrastructure",
    "deploy": "deploy the infrastructure, then the apps",
    "apps": "deploy the apps only: with --package, an earlier package again",
    "destroy": "delete the environment with all its data",
}


def main(arguments: list[str] | None = None, root: Path = ROOT, patience: Patience | None = None) -> int:
    given = _parser().parse_args(arguments)
    environment = Environment(given.environment, root)
    found = problems(environment.name, root, with_infrastructure=given.command in ("what-if", "deploy"))
    if given.package and not zipfile.is_zipfile(given.package):
        remedy = f"name one that is there; `make package` makes {PACKAGE}"
        found.append(Problem(f"There is no package {given.package}.", remedy))
    if found:
        sys.stderr.write("This cannot be done yet:\n")
        sys.stderr.writelines(f"- {problem.what}\n  To do: {problem.remedy}\n" for problem in found)
        return MISSING
    account = ask("account", "show")
    _say(f"Environment {environment.name}, subscription {account['name']} ({account['id']}).")
    try:
        _carry_out(given, environment, patience or Patience())
    except (AzureCliError, DeploymentError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.delivery", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in HELP.items():
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("environment", nargs="?", default="", help="such as dev")
        command.set_defaults(package=None)
        if name in ("deploy", "apps"):
            command.add_argument("--unbroken", action="store_true", help="fail unless every call went well meanwhile")
            command.add_argument("--package", type=Path, help="a package built before (default: one built now)")
        if name == "what-if":
            command.add_argument("--read-only", action="store_true", help="for an identity that may change nothing")
        if name == "destroy":
            command.add_argument("--confirm", metavar="ENVIRONMENT", help="its name once more, instead of being asked")
    return parser


def _carry_out(given: argparse.Namespace, environment: Environment, patience: Patience) -> None:
    if given.command == "what-if":
        deployment.what_if(environment, read_only=given.read_only)
    elif given.command == "destroy":
        _destroy(environment, given.confirm)
    else:
        package = given.package or environment.root / PACKAGE
        if not given.package:
            _say(f"Built {PACKAGE}, sha256 {build(environment.root, package)}.")
        _deploy(given, environment, package, patience)


def _deploy(given: argparse.Namespace, environment: Environment, package: Path, patience: Patience) -> None:
    """Deploys, while what answers is watched. Raises AzureCliError, DeploymentError."""
    with contextlib.ExitStack() as watching:
        watch = None
        if given.command == "deploy":
            # From here on: a changed setting replaces instances as well as a package does.
            with contextlib.suppress(DeploymentError):
                before = deployment.outputs(environment)
                watch = watching.enter_context(Watch(before["GATEWAY_URL"], patience.between_calls))
            deployment.deploy_infrastructure(environment)
        known = deployment.outputs(environment)
        if watch is None:
            watch = watching.enter_context(Watch(known["GATEWAY_URL"], patience.between_calls))
        deployment.deploy_apps(known, package, patience)
        watch.wait_until_all_answered(patience.until_answered)
    _tell_calls(watch, unbroken=given.unbroken)
    _tell_address(known["GATEWAY_URL"])


def _destroy(environment: Environment, confirmed: str | None) -> None:
    known = deployment.outputs(environment)
    if confirmed is None:
        group = known["AZURE_RESOURCE_GROUP"]
        sys.stdout.write(f"This deletes {group} with all its data. Type {environment.name} to do so: ")
        sys.stdout.flush()
        confirmed = sys.stdin.readline().strip()
    if confirmed != environment.name:
        raise DeploymentError("Nothing was deleted: that is not the environment's name.")
    deployment.destroy(environment, known)


def _tell_calls(watch: Watch, *, unbroken: bool) -> None:
    _say(f"Meanwhile {len(watch.failures)} of {watch.calls} calls failed.")
    for text, count in Counter(watch.failures).most_common():
        _say(f"  {count} × {text}")
    for text in (gaps := watch.gaps()):
        _say(f"  {text}")
    if unbroken and watch.failures:
        raise DeploymentError("The new package runs, but callers noticed the deployment.")
    if unbroken and gaps:
        raise DeploymentError("The new package runs, but whether callers noticed the deployment is not known.")


def _tell_address(gateway: str) -> None:
    _say(f"\nThe gateway: {gateway}\nTry it: make smoke URL={gateway}")
    if step_outputs := os.environ.get("GITHUB_OUTPUT"):
        with Path(step_outputs).open("a", encoding="utf-8") as file:
            file.write(f"gateway_url={gateway}\n")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
