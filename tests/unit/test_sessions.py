"""The command that makes keys and tokens for customers."""

import json
import stat
from pathlib import Path

import pytest

from shared.adapters.tokens import TokenVerifier
from shared.domain.callers import CustomerSession
from shared.domain.errors import Unauthenticated
from shared.session_keys import read_public_keys
from tests.unit.adapters.signing import OPERATORS, SESSIONS, FixedOperatorKeys
from tools.sessions import main


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("SESSION_ISSUER", SESSIONS.issuer)
    monkeypatch.setenv("SESSION_AUDIENCE", SESSIONS.audience)
    monkeypatch.delenv("SESSION_PRIVATE_KEY", raising=False)
    monkeypatch.delenv("SESSION_PUBLIC_KEYS", raising=False)
    return monkeypatch


class Command:
    """Runs the command, and looks at whatever it prints for private keys."""

    def __init__(self, output: pytest.CaptureFixture[str], folder: Path) -> None:
        self._output = output
        self._folder = folder

    def __call__(self, *arguments: object, code: int = 0) -> str:
        assert main([str(argument) for argument in arguments]) == code
        out, err = self._output.readouterr()
        for file in self._folder.iterdir():
            assert json.loads(file.read_text())["d"] not in out + err
        assert (not err) if code == 0 else (not out)
        return (out + err).strip()


@pytest.fixture
def sessions(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    return Command(capsys, tmp_path)


async def caller(token: str, jwks: str) -> object:
    verifier = TokenVerifier(SESSIONS, read_public_keys(jwks), OPERATORS, FixedOperatorKeys())
    return await verifier.caller(f"Bearer {token}")


async def test_keys_change_without_a_refused_call(
    sessions: Command, tmp_path: Path, environment: pytest.MonkeyPatch
) -> None:
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    yeon = CustomerSession("1376016924")

    before = sessions("keys", old)
    old_token = sessions("token", "1376016924", "--key", old)
    assert await caller(old_token, before) == yeon

    environment.setenv("SESSION_PUBLIC_KEYS", before)
    both = sessions("publish", new)
    new_token = sessions("token", "1376016924", "--key", new)
    assert await caller(old_token, both) == await caller(new_token, both) == yeon

    environment.setenv("SESSION_PUBLIC_KEYS", both)
    after = sessions("retire")
    assert await caller(new_token, after) == yeon
    with pytest.raises(Unauthenticated):
        await caller(old_token, after)


async def test_a_key_may_be_in_the_environment(
    sessions: Command, tmp_path: Path, environment: pytest.MonkeyPatch
) -> None:
    jwks = sessions("keys", tmp_path / "key.json")
    environment.setenv("SESSION_PRIVATE_KEY", (tmp_path / "key.json").read_text())

    assert await caller(sessions("token", "7"), jwks) == CustomerSession("7")


def test_a_private_key_is_for_its_owner_and_never_overwritten(
    sessions: Command, tmp_path: Path, environment: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "key.json"
    public = sessions("keys", file)
    content = file.read_text()

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "exists" in sessions("keys", file, code=1)
    environment.setenv("SESSION_PUBLIC_KEYS", public)
    assert "exists" in sessions("publish", file, code=1)
    assert file.read_text() == content


def test_what_is_missing_is_named(sessions: Command, tmp_path: Path, environment: pytest.MonkeyPatch) -> None:
    assert "--key" in sessions("token", "7", code=1)
    assert "cannot be read" in sessions("token", "7", "--key", tmp_path / "none.json", code=1)
    assert "cannot be written" in sessions("keys", tmp_path / "none" / "key.json", code=1)
    sessions("keys", tmp_path / "key.json")
    assert "without spaces" in sessions("token", "1 2", "--key", tmp_path / "key.json", code=1)
    environment.setenv("SESSION_PRIVATE_KEY", "secret")
    assert sessions("token", "7", code=1).startswith("SESSION_PRIVATE_KEY: this is no private key")
    environment.delenv("SESSION_AUDIENCE")
    assert "SESSION_AUDIENCE must be set" in sessions("token", "7", code=1)


def test_a_step_out_of_order_is_refused(sessions: Command, tmp_path: Path, environment: pytest.MonkeyPatch) -> None:
    assert "which the apps have now, must be a JWKS" in sessions("publish", tmp_path / "next.json", code=1)
    environment.setenv("SESSION_PUBLIC_KEYS", sessions("keys", tmp_path / "key.json"))
    assert "cannot retire" in sessions("retire", code=1)
    environment.setenv("SESSION_PUBLIC_KEYS", sessions("publish", tmp_path / "next.json"))
    assert "has to retire first" in sessions("publish", tmp_path / "third.json", code=1)
    assert not (tmp_path / "third.json").exists()
