"""The hooks that azd runs before and after it provisions (azure.yaml). Those for Windows are only read without it."""

import json
import re
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from shared.domain.callers import OPERATOR_ROLE
from tests.integration.delivery.fake_command import FakeCommand
from tools.delivery import budget
from tools.paths import ROOT

CLIENT_ID = "00000000-0000-0000-0000-00000000000a"
THIS_MONTH = f"{datetime.now(UTC):%Y-%m}-01"
SET = ["env set MY_PAGE true", f"env set AUTH_CLIENT_ID {CLIENT_ID}", f"env set BUDGET_START_DATE {THIS_MONTH}"]
TIMEOUT_SECONDS = 60
AZD = YAML(typ="safe").load(ROOT / "azure.yaml")
HOOKS = AZD["hooks"]
HOOK = HOOKS["preprovision"]
# All that a hook may need beside az and azd. Python is not among them.
TOOLS = ("env", "sh", "date", "dirname", "timeout")


@pytest.fixture
def az(tmp_path: Path) -> FakeCommand:
    """A subscription where nothing has been created yet."""
    fake = FakeCommand(tmp_path / "bin", "az")
    fake.answers("ad app list", "")
    fake.answers("ad app create --display-name ssak8-test ", CLIENT_ID)
    fake.answers("ad app show", "")
    fake.answers(f"ad app show --id {CLIENT_ID} --query id ", "object")
    fake.answers("ad sp list", "")
    fake.answers("group exists", answer=False)
    for tool in TOOLS:
        (fake.folder / tool).symlink_to(str(shutil.which(tool)))
    return fake


@pytest.fixture
def azd(tmp_path: Path, az: FakeCommand) -> FakeCommand:
    fake = FakeCommand(az.folder, "azd")
    fake.answers("env get-value", code=1, error="key not found")
    fake.answers("env get-value SESSION_PUBLIC_KEYS", '{"keys": []}')
    fake.answers("env get-value KAKAO_LOGIN_CLIENT_ID", "rest-api-key")
    return fake


def provision(az: FakeCommand, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs the hook as azd does: in the project's folder, with the values of its environment."""
    return subprocess.run(  # noqa: S603 what azure.yaml says
        [ROOT / HOOK["posix"]["run"]],
        cwd=ROOT,
        env={"PATH": str(az.folder), "AZURE_ENV_NAME": "test", **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
    )


def test_azd_registers_the_application_and_sets_the_start_of_the_budget(az: FakeCommand, azd: FakeCommand) -> None:
    finished = provision(az)

    assert finished.returncode == 0, finished.stderr
    assert azd.calls("env set") == SET
    assert az.calls(f"ad app update --id {CLIENT_ID} --requested-access-token-version 2")
    assert az.calls(f"ad sp create --id {CLIENT_ID}")


def test_the_next_time_the_application_is_known_and_the_budget_is_read_again(az: FakeCommand, azd: FakeCommand) -> None:
    azd.answers("env get-value AUTH_CLIENT_ID", CLIENT_ID)

    # Values of another environment in the shell are ignored.
    finished = provision(az, AUTH_CLIENT_ID="of another environment", BUDGET_START_DATE="2026-01-01")

    assert finished.returncode == 0, finished.stderr
    assert azd.calls("env set") == SET
    assert az.calls("ad ") == []


def test_each_environment_has_its_own_registration_whatever_the_shell_has(az: FakeCommand, azd: FakeCommand) -> None:
    assert provision(az, AUTH_CLIENT_ID="of another environment").returncode == 0

    assert azd.calls("set AUTH_CLIENT_ID") == [f"env set AUTH_CLIENT_ID {CLIENT_ID}"]


def test_an_existing_registration_is_used(az: FakeCommand, azd: FakeCommand) -> None:
    az.answers("ad app list --display-name ssak8-test ", CLIENT_ID)
    az.answers("ad sp list", "object")

    assert provision(az).returncode == 0
    assert azd.calls("set AUTH_CLIENT_ID") == [f"env set AUTH_CLIENT_ID {CLIENT_ID}"]
    assert az.calls("ad app create") + az.calls("ad sp create") == []


def test_nothing_is_made_before_customers_can_be_recognised(az: FakeCommand, azd: FakeCommand) -> None:
    azd.answers("env get-value SESSION_PUBLIC_KEYS", code=1, error="key not found")

    finished = provision(az, SESSION_PUBLIC_KEYS="of another environment")

    assert finished.returncode != 0
    assert 'azd env set SESSION_PUBLIC_KEYS "$(.venv/bin/python -m tools.sessions keys FILE)"' in finished.stderr
    assert az.calls() == []

    azd.answers("env get-value ACCESS", "open")
    assert provision(az).returncode == 0


def test_nothing_is_made_before_customers_can_sign_in_to_my_page(az: FakeCommand, azd: FakeCommand) -> None:
    azd.answers("env get-value KAKAO_LOGIN_CLIENT_ID", code=1, error="key not found")

    finished = provision(az)

    assert finished.returncode != 0
    assert "azd env set KAKAO_LOGIN_CLIENT_ID KEY" in finished.stderr
    assert az.calls() == []


def test_where_everybody_may_call_azd_deploys_no_my_page(az: FakeCommand, azd: FakeCommand) -> None:
    azd.answers("env get-value KAKAO_LOGIN_CLIENT_ID", code=1, error="key not found")
    azd.answers("env get-value ACCESS", "open")

    assert provision(az).returncode == 0
    assert azd.calls("set MY_PAGE") == ["env set MY_PAGE false"]
    assert {name: service.get("condition") for name, service in AZD["services"].items()} == {
        "kakao": None,
        "customerview": None,
        "customer": None,
        "web": "${MY_PAGE}",
    }


def test_a_new_registration_gets_the_role_of_operators_and_lets_the_azure_cli_ask_for_their_tokens(
    az: FakeCommand, azd: FakeCommand
) -> None:
    assert provision(az).returncode == 0

    application = "https://graph.microsoft.com/v1.0/applications/object"
    changes = [call for call in az.calls() if call.startswith((f"ad app update --id {CLIENT_ID} --app-roles", "rest"))]
    given = [re.sub(r"@\S*infra/bicep/", "@", change) for change in changes]
    # The scope comes before what refers to it.
    assert given == [
        f"ad app update --id {CLIENT_ID} --app-roles @entra/roles.json",
        f"rest --method patch --uri {application} --body @entra/scope.json --output none",
        f"rest --method patch --uri {application} --body @entra/azure-cli.json --output none",
    ]
    for change in changes:
        [file] = re.findall(r"@(\S+)", change)
        assert Path(file).is_file()


def test_the_role_is_the_one_by_which_the_apps_know_operators_and_only_people_can_have_it() -> None:
    folder = ROOT / "infra/bicep/entra"
    [role] = json.loads((folder / "roles.json").read_text())
    [scope] = json.loads((folder / "scope.json").read_text())["api"]["oauth2PermissionScopes"]
    [client] = json.loads((folder / "azure-cli.json").read_text())["api"]["preAuthorizedApplications"]

    # An identity of Azure gets tokens for the same registration: with the role, the gateway would be an operator.
    assert (role["value"], role["allowedMemberTypes"]) == (OPERATOR_ROLE, ["User"])
    assert client["delegatedPermissionIds"] == [scope["id"]]
    for script in ("register-app", "register-app.ps1"):
        text = (folder.parent / script).read_text()
        assert all(f"'{name}'" in text for name in (role["value"], scope["value"], client["appId"]))


def test_what_a_registration_has_is_not_replaced(az: FakeCommand, azd: FakeCommand) -> None:
    # Graph refuses to remove an enabled role, also if the same one is added at once.
    az.answers("ad app show --id", "there")

    assert provision(az).returncode == 0
    assert az.calls("--app-roles") + az.calls("rest --method patch") == []


@pytest.mark.parametrize("subscription", ["", "4321"])
def test_an_existing_budget_keeps_its_start(az: FakeCommand, azd: FakeCommand, subscription: str) -> None:
    az.answers("group exists --name rg-test", answer=True)
    az.answers("rest --method get", "2026-03-01T00:00:00Z")

    finished = provision(az, **({"AZURE_SUBSCRIPTION_ID": subscription} if subscription else {}))

    assert finished.returncode == 0, finished.stderr
    assert azd.calls("set BUDGET") == ["env set BUDGET_START_DATE 2026-03-01"]
    scope = f"/subscriptions/{subscription or '{subscriptionId}'}/resourceGroups/rg-test"
    assert az.calls(f"{scope}/providers/Microsoft.Consumption/budgets?api-version={budget.API_VERSION} ")
    assert len(az.calls("--subscription 4321")) == bool(subscription)


@pytest.mark.parametrize(
    "command",
    [
        "account show",
        "ad app list",
        "ad app create",
        "ad app show",
        "ad app update",
        "rest --method patch",
        "ad sp create",
        "group exists",
    ],
)
def test_azd_stops_if_the_azure_cli_fails(az: FakeCommand, azd: FakeCommand, command: str) -> None:
    az.answers(command, code=1)

    assert provision(az).returncode != 0
    assert azd.calls("env set") == []


def test_azd_stops_if_the_budget_cannot_be_read(az: FakeCommand, azd: FakeCommand) -> None:
    az.answers("group exists", answer=True)
    az.answers("rest", code=1)

    assert provision(az).returncode != 0
    assert azd.calls("env set") == []


def test_a_missing_sign_in_or_cli_is_reported(az: FakeCommand, azd: FakeCommand) -> None:
    az.answers("account show", code=1)
    assert "az login" in provision(az).stderr

    (az.folder / "az").unlink()
    assert "Azure CLI (az), which is not installed" in provision(az).stderr


@pytest.mark.parametrize("ended_by", ["timeout", "perl"])
def test_a_command_that_never_ends_is_ended(az: FakeCommand, azd: FakeCommand, ended_by: str) -> None:
    azd.answers("env get-value AUTH_CLIENT_ID", CLIENT_ID)
    if ended_by == "perl":
        (az.folder / "timeout").unlink()
        (az.folder / "perl").symlink_to(str(shutil.which("perl")))
    # As the CLI's packages start it: a script that waits for Python, and does not pass signals on.
    (az.folder / "az").unlink()
    (az.folder / "az").write_text(
        f'#!/bin/sh\n"{sys.executable}" -c "import time; time.sleep({TIMEOUT_SECONDS})"\ntrue\n'
    )
    (az.folder / "az").chmod(0o755)
    start = time.monotonic()

    finished = provision(az, LIMIT_SECONDS="1")

    assert finished.returncode != 0
    assert time.monotonic() - start < TIMEOUT_SECONDS / 2
    assert "az group exists did not finish within 1 s and was ended" in finished.stderr
    assert azd.calls("env set") == []


def script_files(system: str) -> list[Path]:
    """All scripts of a hook."""
    names = ["invoke-az.ps1"] if system == "windows" else ["limited"]
    ending = ".ps1" if system == "windows" else ""
    names += [f"register-app{ending}", f"register-my-page{ending}"]
    hooks = [ROOT / hook[system]["run"] for hook in HOOKS.values()]
    return [*hooks, *(ROOT / "infra/bicep" / name for name in names)]


def commands(system: str) -> str:
    """The text of all scripts of a hook, without comments."""
    return "\n".join(re.sub(r"(?m)^\s*#.*$", "", file.read_text(encoding="utf-8")) for file in script_files(system))


def test_both_systems_have_a_hook_and_neither_needs_python() -> None:
    assert HOOKS.keys() == {"preprovision", "postprovision"}
    for hooks in HOOKS.values():
        assert {system: hook["shell"] for system, hook in hooks.items()} == {"posix": "sh", "windows": "pwsh"}
        assert all((ROOT / hook["run"]).is_file() for hook in hooks.values())
    for system in HOOK:
        # One is only named, for what a person runs.
        assert "python" not in commands(system).replace(".venv/bin/python -m tools.sessions keys FILE", "")
    unlimited = re.findall(r"(?m)^.*(?<!limited )(?<!limited\" )\b(?:az|azd) [a-z]+ .*$", commands("posix"))
    assert [line for line in unlimited if "echo" not in line] == []
    for script in script_files("posix"):
        assert script.stat().st_mode & 0o111, f"{script.name} is run itself"


def test_the_hooks_of_both_systems_run_the_same_commands() -> None:
    call = r"\b(?:az|azd|Invoke-Az) ((?:account|ad|group|rest|env)(?: [a-z][a-z-]*)*)"
    windows, posix = (set(re.findall(call, commands(system))) for system in ("windows", "posix"))

    # get-value fails if there is none, and PowerShell 5.1 would stop at its message.
    assert posix - {"env get-value"} == windows - {"env get-values", "env get-values failed", "env set failed"}


def test_the_hooks_read_the_budget_that_bicep_creates() -> None:
    for system in HOOK:
        assert f"/budgets?api-version={budget.API_VERSION}" in commands(system)
        assert f"'{budget.NAME_PREFIX}" in commands(system)
        assert "rg-" in commands(system)


def test_no_argument_is_changed_on_its_way_through_az_cmd() -> None:
    """On Windows az is a batch file: its shell reads pipes, ampersands, parentheses and double quotes in arguments."""
    calls = re.findall(r"Invoke-Az ([a-z].*?)(?: \| Out-Null.*)?$", commands("windows"), re.MULTILINE)

    assert len(calls) > 5
    for arguments in calls:
        assert not re.search(r"[|&<>^%()]", arguments), arguments
        assert '"' not in re.sub(r'"[^"]* [^"]*"', "", arguments), arguments


def test_a_script_for_windows_stops_at_the_first_error() -> None:
    text = commands("windows")

    assert text.count("$ErrorActionPreference = 'Stop'") == 4, "in each script that is run by itself"
    programs = re.findall(r"^.*& azd? .*\n(.*)", text, re.MULTILINE)
    assert len(programs) == 6
    for following in programs:
        assert following.strip().startswith("if ($LASTEXITCODE -ne 0) { throw "), following


def test_a_script_for_windows_is_ascii() -> None:
    """Windows PowerShell 5.1 reads a file without a byte order mark in the system's code page."""
    for script in script_files("windows"):
        assert script.read_bytes().isascii(), script.name


@pytest.mark.skipif(not shutil.which("pwsh"), reason="PowerShell is not installed: its parser cannot be asked")
def test_powershell_can_parse_its_scripts() -> None:
    for script in script_files("windows"):
        parse = f"[System.Management.Automation.Language.Parser]::ParseFile('{script}', [ref]$null, [ref]$errors)"
        finished = subprocess.run(  # noqa: S603 no shell
            [str(shutil.which("pwsh")), "-NoProfile", "-Command", f"$errors = $null; $null = {parse}; $errors"],
            capture_output=True,
            text=True,
            check=True,
            timeout=TIMEOUT_SECONDS,
        )

        assert finished.stdout.strip() == "", script.name
