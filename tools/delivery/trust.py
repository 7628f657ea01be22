"""Prints the commands that let a workflow of this repository sign in to Azure: `python -m tools.delivery.trust dev`.

It changes nothing. A federated credential must match the subject of the workflow's tokens exactly: this reads it from
GitHub, for which you need `gh auth login` and access to the repository's settings.
"""

import json
import re
import shlex
import sys

from tools.command_line import parser, show, show_error
from tools.delivery import github
from tools.delivery.github import GitHubError

ISSUER = "https://token.actions.githubusercontent.com"
AUDIENCE = "api://AzureADTokenExchange"
SUBJECT_TEMPLATE = "repos/{owner}/{repo}/actions/oidc/customization/sub"
REFERENCE = "https://docs.github.com/actions/reference/openid-connect-reference"
ENVIRONMENTS = ("dev", "prod-preview", "prod")  # those of the workflows
# repo:OWNER/REPOSITORY, or with the immutable ids of both: repo:OWNER@ID/REPOSITORY@ID
PREFIX = re.compile(r"repo:[\w.-]+(@\d+)?/[\w.-]+(?(1)@\d+)")


def subject(environment: str) -> str:
    """The subject (`sub`) of the tokens of a job with this environment. Raises GitHubError."""
    template = github.api(SUBJECT_TEMPLATE)
    if not template["use_default"]:
        raise GitHubError(
            f"This repository makes its subjects from {template.get('include_claim_keys')}: sign in once; "
            "the error of azure/login shows the subject"
        )
    prefix = template.get("sub_claim_prefix") or _prefix_without_ids()
    if not PREFIX.fullmatch(prefix):
        raise GitHubError(f"GitHub reports an unknown kind of subject, {prefix!r}: see {REFERENCE}")
    return f"{prefix}:environment:{environment}"


def _prefix_without_ids() -> str:
    """For GitHub Enterprise Server, which reports no prefix and has no ids in its subjects. Raises GitHubError."""
    repository = github.api("repos/{owner}/{repo}")
    if repository["html_url"].startswith("https://github.com/"):
        raise GitHubError(f"GitHub does not report the prefix of this repository's subjects: see {REFERENCE}")
    return f"repo:{repository['full_name']}"


def commands(environment: str, trusted: str) -> list[str]:
    """The lines to paste: for a user-assigned identity, and as a comment for an app registration."""
    name = f"github-{environment}"
    identity = [
        *("az", "identity", "federated-credential", "create", "--resource-group", "rg-github"),
        *("--identity-name", f"id-{name}", "--name", name),
        *("--issuer", ISSUER, "--subject", trusted, "--audiences", AUDIENCE),
    ]
    credential = json.dumps({"name": name, "issuer": ISSUER, "subject": trusted, "audiences": [AUDIENCE]})
    app = ["az", "ad", "app", "federated-credential", "create", "--id", "APP_ID", "--parameters", credential]
    return [
        f"# {environment}: for a user-assigned identity",
        shlex.join(identity),
        "# or for an app registration",
        f"# {shlex.join(app)}",
    ]


def main(arguments: list[str] | None = None) -> int:
    command_line = parser("tools.delivery.trust", __doc__)
    command_line.add_argument(
        "environment", nargs="*", default=ENVIRONMENTS, help=f"of GitHub (default: {', '.join(ENVIRONMENTS)})"
    )
    try:
        for environment in command_line.parse_args(arguments).environment:
            for line in commands(environment, subject(environment)):
                show(line)
    except GitHubError as error:
        show_error(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
