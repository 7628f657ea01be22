"""The key of a stack, and what belongs to it."""

import stat
import uuid
from pathlib import Path

import jwt
import pytest

from local_azure.identity.key import PRIVATE_KEY, create_key, private_key, public_key, secret_of
from local_azure.identity.tokens import TokenIssuer, verified

IDENTITY = uuid.UUID("0a000000-0000-4000-8000-00000000000c")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    create_key(tmp_path)
    return tmp_path


def test_only_the_owner_may_read_the_private_key(folder: Path) -> None:
    assert stat.S_IMODE((folder / PRIVATE_KEY).stat().st_mode) == 0o600


def test_each_app_has_a_secret_of_its_own_as_long_as_the_key_lasts(folder: Path) -> None:
    one = secret_of("one", folder)

    assert one == secret_of("one", folder)
    assert one != secret_of("two", folder)
    create_key(folder)
    assert one != secret_of("one", folder)


def test_another_key_makes_earlier_tokens_invalid(folder: Path) -> None:
    token, _, _ = TokenIssuer(private_key(folder)).issue(IDENTITY, "api://called")
    assert verified(token, public_key(folder), "api://called")["oid"] == str(IDENTITY)

    create_key(folder)

    with pytest.raises(jwt.InvalidSignatureError):
        verified(token, public_key(folder), "api://called")


def test_no_two_tokens_are_the_same(folder: Path) -> None:
    issuer = TokenIssuer(private_key(folder), lambda: 0)

    assert issuer.issue(IDENTITY, "a")[0] != issuer.issue(IDENTITY, "a")[0]
