"""Deploys to Azure: `python -m tools.delivery foundation|what-if|deploy|apps|names|destroy ENVIRONMENT`.

Exit code 0: done; 1: it failed; 2: a precondition is not met.
"""

import argparse
import contextlib
import shlex
import sys
import zipfile
from collections import Counter
from pathlib import Path

from shared.settings import Service
from tools.command_line import parser, set_step_output, show, show_error
from tools.delivery import azure_cli, deployment, outputs
from tools.delivery.azure_cli import AzureCliError
from tools.delivery.deployment import DeploymentError, Limits
from tools.delivery.environments import Environment, Template
from tools.delivery.outputs import NotDeployedError, Outputs
from tools.delivery.package import PACKAGE, build
from tools.delivery.preconditions import Problem, problems
from tools.delivery.watch import Watch
from tools.paths import ROOT

PRECONDITION_NOT_MET = 2
HELP = {
    "foundation": "create the resource group, with its budget, its lock and the roles of the pipeline",
    "what-if": "show what a deployment would change in the infrastructure",
    "deploy": "deploy the infrastructure, then the apps",
    "apps": "deploy only the apps; with --package, an earlier package again",
    "names": 'print the names of everything on Azure, for a shell: eval "$(make names ENV=prod)"',
    "destroy": "delete the environment with all its data",
}
TEMPLATES = {"foundation": Template.FOUNDATION, "what-if": Template.SYSTEM, "deploy": Template.SYSTEM}


def main(arguments: list[str] | None = None, root: Path = ROOT, limits: Limits | None = None) -> int:
    options = _parser().parse_args(arguments)
    environment = Environment(options.environment, root)
    found = problems(environment.name, root, TEMPLATES.get(options.command))
    if options.package and not zipfile.is_zipfile(options.package):
        remedy = f"name an existing one; `make package` builds {PACKAGE}"
        found.append(Problem(f"There is no package {options.package}.", remedy))
    if found:
        show_error("This is missing:")
        for problem in found:
            show_error(f"- {problem.what}\n  To do: {problem.remedy}")
        return PRECONDITION_NOT_MET
    try:
        account = azure_cli.read_json("account", "show")
        where = f"Environment {environment.name}, subscription {account['name']} ({account['id']})."
        # The output of `names` is for a shell.
        (show_error if options.command == "names" else show)(where)
        _run(options, environment, limits or Limits())
    except (AzureCliError, DeploymentError, NotDeployedError) as error:
        show_error(str(error))
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    command_line = parser("tools.delivery", __doc__)
    commands = command_line.add_subparsers(dest="command", required=True)
    for name, text in HELP.items():
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("environment", nargs="?", default="", help="such as dev")
        command.set_defaults(package=None)
        if name in ("deploy", "apps"):
            command.add_argument("--zero-downtime", action="store_true", help="fail if any call failed meanwhile")
            command.add_argument("--package", type=Path, help="an existing package (default: build one)")
        if name == "what-if":
            command.add_argument(
                "--read-only", action="store_true", help="for an identity that may not change anything"
            )
        if name == "destroy":
            command.add_argument("--confirm", metavar="ENVIRONMENT", help="its name again, instead of typing it")
    return command_line


def _run(options: argparse.Namespace, environment: Environment, limits: Limits) -> None:
    if options.command == "foundation":
        deployment.deploy_foundation(environment)
    elif options.command == "what-if":
        deployment.what_if(environment, read_only=options.read_only)
    elif options.command == "names":
        _show_names(environment)
    elif options.command == "destroy":
        _destroy(environment, options.confirm)
    else:
        package = options.package or environment.root / PACKAGE
        if not options.package:
            show(f"Built {PACKAGE}, sha256 {build(environment.root, package)}.")
        _deploy(options, environment, package, limits)


def _show_names(environment: Environment) -> None:
    """Prints the outputs as assignments of a POSIX shell. Raises NotDeployedError."""
    for name, value in outputs.read_all(environment).items():
        show(f"{name}={shlex.quote(value)}")


def _deploy(options: argparse.Namespace, environment: Environment, package: Path, limits: Limits) -> None:
    """Deploys while the gateway is watched. Raises AzureCliError, DeploymentError, NotDeployedError."""
    with contextlib.ExitStack() as watching:
        watch = None
        if options.command == "deploy":
            # Already from here on: a changed setting replaces instances, as a new package does.
            with contextlib.suppress(NotDeployedError):
                watch = watching.enter_context(_watch(outputs.read(environment), limits))
            deployment.deploy_infrastructure(environment)
        deployed = outputs.read(environment)
        if watch is None:
            watch = watching.enter_context(_watch(deployed, limits))
        deployment.deploy_apps(deployed, package, limits)
        watch.wait_until_all_answered(limits.first_answers)
    _report_calls(watch, zero_downtime=options.zero_downtime)
    show(f"\nThe gateway: {deployed.gateway_url}\nTry it: make smoke ENV={environment.name}")
    set_step_output("gateway_url", deployed.gateway_url)


def _watch(deployed: Outputs, limits: Limits) -> Watch:
    return Watch(deployed.gateway_url, limits.poll_pause, my_page=Service.WEB in deployed.apps)


def _destroy(environment: Environment, confirmed: str | None) -> None:
    deployed = outputs.read(environment)
    if confirmed is None:
        group = deployed.azure_resource_group
        sys.stdout.write(f"This deletes {group} with all its data. Type {environment.name} to confirm: ")
        sys.stdout.flush()
        confirmed = sys.stdin.readline().strip()
    if confirmed != environment.name:
        raise DeploymentError("Nothing was deleted: that is not the environment's name.")
    deployment.destroy(environment, deployed)


def _report_calls(watch: Watch, *, zero_downtime: bool) -> None:
    show(f"During the deployment {len(watch.failures)} of {watch.calls} calls failed.")
    for text, count in Counter(watch.failures).most_common():
        show(f"  {count} × {text}")
    for text in (gaps := watch.gaps()):
        show(f"  {text}")
    if zero_downtime and watch.failures:
        raise DeploymentError("The new package runs, but callers noticed the deployment.")
    if zero_downtime and gaps:
        raise DeploymentError("The new package runs, but it is not known whether callers noticed the deployment.")


if __name__ == "__main__":
    sys.exit(main())
