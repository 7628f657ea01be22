"""Who calls, on this machine: keys, the settings of a run, and what is printed to try it."""

import fcntl
import itertools
import json
import re
import shlex
import stat
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from shared.adapters.tokens import Expected, TokenVerifier
from shared.domain.callers import CustomerSession
from shared.domain.errors import Unauthenticated
from shared.session_keys import read_public_keys
from shared.settings import Access, Service, Settings
from stand_ins.entra.server import DEFAULT_AUDIENCE, DEFAULT_PORT, DEFAULT_TENANT, EntraStandIn
from tests.unit.adapters.signing import OPERATORS, FixedOperatorKeys
from tests.unit.stand_ins.federation import ISSUER as IDENTITY_ISSUER
from tools.access import running
from tools.access.__main__ import main
from tools.access.session_keys import ACCESS, MY_PAGE, SessionKeys
from tools.paths import LOCAL_AZURE_SETTINGS
from tools.play.people import CONSENT
from tools.sessions import SessionsError

YEON = CustomerSession("1376016924")


@pytest.fixture
def keys(tmp_path: Path) -> SessionKeys:
    return SessionKeys.made_in(tmp_path / "access")


def settings_of_run(keys: SessionKeys) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(keys.settings.read_text())
    return found


def values(keys: SessionKeys) -> dict[str, str]:
    """The settings of every app."""
    found: dict[str, str] = settings_of_run(keys)["Values"]
    return found


async def caller(token: str, settings: dict[str, str]) -> object:
    """Who calls, for an app with these settings."""
    sessions = Expected(settings["SESSION_ISSUER"], settings["SESSION_AUDIENCE"])
    verifier = TokenVerifier(
        sessions, read_public_keys(settings["SESSION_PUBLIC_KEYS"]), OPERATORS, FixedOperatorKeys()
    )
    return await verifier.caller(f"Bearer {token}")


async def test_keys_change_in_three_steps_and_no_app_refuses_anybody_meanwhile(keys: SessionKeys) -> None:
    first, before = keys.token(YEON.subject), values(keys)

    keys.publish()
    published = values(keys)
    still_first = keys.token(YEON.subject)
    # Some apps have restarted already, and some have not.
    for settings in (before, published):
        assert await caller(first, settings) == await caller(still_first, settings) == YEON

    keys.sign()
    second, signing = keys.token(YEON.subject), values(keys)
    for settings in (published, signing):
        assert await caller(first, settings) == await caller(second, settings) == YEON
    with pytest.raises(Unauthenticated):
        await caller(second, before)

    keys.retire()
    after = values(keys)
    assert await caller(second, after) == YEON
    with pytest.raises(Unauthenticated):
        await caller(first, after)


def test_the_steps_have_an_order(keys: SessionKeys) -> None:
    with pytest.raises(SessionsError, match="publish one first"):
        keys.sign()
    with pytest.raises(SessionsError, match="sign with the next one first"):
        keys.retire()
    keys.publish()
    with pytest.raises(SessionsError, match="is published already"):
        keys.publish()
    keys.sign()
    with pytest.raises(SessionsError, match="retire it first"):
        keys.publish()


def test_a_later_run_has_the_same_keys(keys: SessionKeys) -> None:
    before = values(keys)
    keys.publish()

    again = SessionKeys.made_in(keys.settings.parent)

    assert values(again)["OWNER_KEY"] == before["OWNER_KEY"]
    assert len(json.loads(values(again)["SESSION_PUBLIC_KEYS"])["keys"]) == 2


def test_only_the_owner_can_read_what_is_made(keys: SessionKeys) -> None:
    keys.publish()

    for file in keys.settings.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


@pytest.mark.parametrize("command", ["token 7", "operator-token", "publish", "sign", "retire"])
def test_a_command_says_how_to_start_what_it_needs(
    tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--state", str(tmp_path), *command.split()]) == 1

    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.endswith("; start it: make run\n")


def test_a_run_that_is_refused_leaves_the_one_that_runs_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # it goes to the root of the project
    monkeypatch.setattr(sys, "argv", ["tools.access"])
    monkeypatch.setattr("local_azure.command_line.main", lambda: None)
    assert main(["run", "open", "--state", str(tmp_path)]) == 0
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        assert main(["run", "customers", "--state", str(tmp_path)]) == 1

    assert capsys.readouterr().err.startswith("it is already running, with the state folder ")
    # An app that is stopped and started again reads these.
    assert values(SessionKeys(tmp_path / "access"))["ACCESS"] == "open"


def test_a_second_stack_has_keys_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # it goes to the root of the project
    monkeypatch.setattr(sys, "argv", ["tools.access"])
    monkeypatch.setattr("local_azure.command_line.main", lambda: None)

    assert main(["run", "open", "--free-ports", "--state", "second"]) == 0

    options = dict(itertools.pairwise(sys.argv))
    assert options["--state"] == str(tmp_path / "second")
    assert options["--settings"] == str(tmp_path / "second" / "access" / "settings.json")
    assert Path(options["--settings"]).exists()
    assert "--free-ports" in sys.argv


def local_azure() -> dict[str, Any]:
    return tomllib.loads(LOCAL_AZURE_SETTINGS.read_text(encoding="utf-8"))


def test_the_apps_expect_the_tokens_that_the_stand_in_issues() -> None:
    settings, process = local_azure()["settings"], local_azure()["processes"]["entra"]
    stand_in = EntraStandIn(process["port"])

    assert process["port"] == DEFAULT_PORT
    assert settings["OPERATOR_ISSUER"].replace("{entra_port}", str(DEFAULT_PORT)) == stand_in.issuer
    assert settings["OPERATOR_AUDIENCE"] == DEFAULT_AUDIENCE
    assert process["health"].startswith(f"/{DEFAULT_TENANT}/")


def test_the_call_to_copy_consents_to_the_newest_policy() -> None:
    customers, _ = local_azure()["welcome"]["instead"]
    [register] = [call for call in customers["calls"] if "consent" in call]
    words = shlex.split(re.sub(r"\$\w+", "", register))

    assert json.loads(words[words.index("-d") + 1])["consent"] == CONSENT


def test_kakao_knows_the_customer_app_by_its_identity() -> None:
    customer, kakao = local_azure()["apps"]["customer"], local_azure()["apps"]["kakao"]

    assert kakao["settings"]["CUSTOMER_APP_ID"] == customer["settings"]["AZURE_CLIENT_ID"] == customer["identity"]
    assert customer["settings"]["KAKAO_API_SCOPE"] == f"{kakao['authentication']['audience']}/.default"
    assert len({app["identity"] for app in local_azure()["apps"].values()}) == 4


def test_entra_id_knows_my_page_by_its_identity() -> None:
    page, command = local_azure()["apps"]["web"], local_azure()["processes"]["entra"]["command"]
    options = dict(itertools.pairwise(command))

    assert page["settings"]["AZURE_CLIENT_ID"] == page["identity"] == options["--federated-subject"]
    assert options["--federated-issuer"] == IDENTITY_ISSUER
    assert options["--federated-key"] == "{state}/identity-public-key.pem"


@pytest.mark.parametrize("access", Access)
@pytest.mark.parametrize("app", Service)
def test_every_app_starts_with_its_settings_and_no_other_gets_the_private_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, access: Access, app: Service
) -> None:
    keys = SessionKeys.made_in(tmp_path, access)
    common, own = local_azure()["settings"], local_azure()["apps"][app]["settings"]
    of_run = values(keys) | settings_of_run(keys)["Apps"].get(app, {})
    for name, value in (common | own | of_run).items():
        monkeypatch.setenv(name, re.sub(r"\{\w+_port\}", "1", value))

    settings = Settings.load()

    assert (settings.access, settings.callers_are_known, settings.ssak8_services) == (access, True, frozenset({app}))
    assert (settings.session_private_key is not None) == (settings.cookie_key is not None) == (app is Service.WEB)


@pytest.mark.parametrize("access", Access)
def test_my_page_and_the_stand_ins_run_where_there_are_keys(tmp_path: Path, access: Access) -> None:
    of_run, settings = values(SessionKeys.made_in(tmp_path, access)), local_azure()
    conditional = {
        name: each["when"]
        for section in ("apps", "processes")
        for name, each in settings[section].items()
        if "when" in each
    }
    welcome = next(each for each in settings["welcome"]["instead"] if each["when"].items() <= of_run.items())

    assert conditional.keys() == {"web", "entra", "kakao_login"}
    assert all(
        when.items() <= of_run.items() and not when.items() <= settings["settings"].items()
        for when in conditional.values()
    )
    assert "My page: " in welcome["text"]


def test_only_my_page_signs_with_the_private_key_of_this_moment(keys: SessionKeys) -> None:
    keys.publish()
    keys.sign()

    of_all, of_apps = settings_of_run(keys)["Values"], settings_of_run(keys)["Apps"]
    private = json.loads(of_apps["web"]["SESSION_PRIVATE_KEY"])
    signing, retiring = json.loads(of_all["SESSION_PUBLIC_KEYS"])["keys"]
    assert (private["kid"], list(of_apps)) == (signing["kid"], ["web"])
    assert private["kid"] != retiring["kid"]
    assert private["d"] not in json.dumps(of_all)


def test_the_steps_keep_to_the_access_of_the_run(tmp_path: Path) -> None:
    folder = SessionKeys.made_in(tmp_path, "open").settings.parent

    SessionKeys(folder).publish()

    assert values(SessionKeys(folder))["ACCESS"] == "open"
    assert tuple(Access) == ACCESS
    assert Service(MY_PAGE) is Service.WEB


@pytest.mark.parametrize(
    ("steps", "restarted"),
    [
        (["publish"], list(Service)),
        (["publish", "sign"], [*Service, Service.WEB]),
        (["publish", "sign", "retire"], [*Service, Service.WEB, *Service]),
    ],
)
def test_whoever_has_to_know_restarts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: list[str], restarted: list[str]
) -> None:
    keys, done = SessionKeys.made_in(tmp_path / "access", "open"), list[str]()
    stack = SimpleNamespace(settings=keys.settings, services=[*Service, "gateway"], restart_service=done.append)
    monkeypatch.setattr(running, "Stack", lambda state: stack)

    for step in steps:
        assert main([step]) == 0

    assert done == restarted
