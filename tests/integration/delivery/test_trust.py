"""The subject that Azure has to trust is the one that GitHub sends, with a stand-in for `gh`."""

import json
import re
import shlex
from pathlib import Path

import pytest

from tests.integration.delivery.fake_command import FakeCommand
from tests.unit.delivery.workflows import read
from tools.delivery.trust import ENVIRONMENTS, main

TEMPLATE = "api repos/{owner}/{repo}/actions/oidc/customization/sub"


@pytest.fixture
def gh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeCommand:
    fake = FakeCommand(tmp_path / "bin", "gh")
    monkeypatch.setenv("PATH", str(fake.folder))
    on_own_server = {"full_name": "octo-org/ssak8", "html_url": "https://github.example.org/octo-org/ssak8"}
    fake.answers("api repos/{owner}/{repo}", on_own_server)
    return fake


def option(command: str, name: str) -> str:
    words = shlex.split(command)
    return words[words.index(name) + 1]


@pytest.mark.parametrize(
    ("template", "prefix"),
    [
        # Made, renamed or moved since 15 July 2026, or by choice.
        ({"use_immutable_subject": True, "sub_claim_prefix": "repo:o-o@12/ssak8@345"}, "repo:o-o@12/ssak8@345"),
        # Older.
        ({"use_immutable_subject": False, "sub_claim_prefix": "repo:octo-org/ssak8"}, "repo:octo-org/ssak8"),
        # Reported by users: the prefix is right, the other field is not.
        ({"use_immutable_subject": False, "sub_claim_prefix": "repo:o@1/s.8-x@2"}, "repo:o@1/s.8-x@2"),
        # GitHub Enterprise Server.
        ({}, "repo:octo-org/ssak8"),
    ],
)
def test_both_commands_have_the_subject_that_github_sends(
    gh: FakeCommand, capsys: pytest.CaptureFixture[str], template: dict[str, object], prefix: str
) -> None:
    gh.answers(TEMPLATE, {"use_default": True, **template})

    assert main(["prod"]) == 0

    _, identity, _, app = capsys.readouterr().out.splitlines()
    assert option(identity, "--subject") == f"{prefix}:environment:prod"
    assert identity.startswith("az identity federated-credential create --resource-group ")
    assert option(identity, "--identity-name") == "id-github-prod"
    assert app.startswith("# az ad app federated-credential create --id APP_ID --parameters ")
    assert json.loads(option(app.removeprefix("# "), "--parameters")) == {
        "name": "github-prod",
        "issuer": option(identity, "--issuer"),
        "subject": f"{prefix}:environment:prod",
        "audiences": [option(identity, "--audiences")],
    }


def test_without_an_environment_all_of_the_workflows_are_printed(
    gh: FakeCommand, capsys: pytest.CaptureFixture[str]
) -> None:
    gh.answers(TEMPLATE, {"use_default": True, "sub_claim_prefix": "repo:o/s"})

    assert main([]) == 0

    subjects = re.findall(r"--subject repo:o/s:environment:(\S+)", capsys.readouterr().out)
    assert tuple(subjects) == ENVIRONMENTS
    jobs = read("deploy.yml")["jobs"].values()
    used = {job.get("environment") or job.get("with", {}).get("environment") for job in jobs}
    assert set(ENVIRONMENTS) == used - {None}


@pytest.mark.parametrize(
    ("template", "shown"),
    [
        ({"use_default": False, "include_claim_keys": ["repo", "ref"]}, "from ['repo', 'ref']: sign in once"),
        ({"use_default": True, "sub_claim_prefix": "repo:octo-org@12/ssak8"}, "unknown kind of subject"),
        ({"use_default": True, "sub_claim_prefix": "repository_owner:x"}, "unknown kind of subject"),
    ],
)
def test_a_subject_that_is_not_known_is_not_guessed(
    gh: FakeCommand, capsys: pytest.CaptureFixture[str], template: dict[str, object], shown: str
) -> None:
    gh.answers(TEMPLATE, template)

    assert main(["dev"]) == 1

    captured = capsys.readouterr()
    assert captured.out == ""
    assert shown in captured.err


def test_a_refusal_of_github_is_reported(gh: FakeCommand, capsys: pytest.CaptureFixture[str]) -> None:
    gh.answers(TEMPLATE, code=1, error="HTTP 404: Not Found")

    assert main(["dev"]) == 1

    assert "HTTP 404" in capsys.readouterr().err


def test_a_prefix_that_github_does_not_report_is_not_guessed(
    gh: FakeCommand, capsys: pytest.CaptureFixture[str]
) -> None:
    gh.answers("api repos/{owner}/{repo}", {"full_name": "o/s", "html_url": "https://github.com/o/s"})
    gh.answers(TEMPLATE, {"use_default": True})

    assert main(["dev"]) == 1

    assert "does not report the prefix" in capsys.readouterr().err
