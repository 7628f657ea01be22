"""Who calls: which headers are the platform's own, and what is verified of a token."""

import base64
import json
import time
import uuid
from pathlib import Path

import pytest

from local_azure.functions_host.errors import StartError
from local_azure.functions_host.http.principal import Authentication, is_reserved
from local_azure.identity.key import create_key, private_key
from local_azure.identity.tokens import TokenIssuer

AUDIENCE = "api://called"
IDENTITY = uuid.UUID("0a000000-0000-4000-8000-00000000000c")


class Clock:
    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def state(tmp_path: Path) -> Path:
    create_key(tmp_path)
    return tmp_path


def encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


@pytest.mark.parametrize(
    ("name", "reserved"),
    [
        ("x-ms-client-principal", True),
        ("x-ms-client-principal-id", True),
        ("x_ms_client_principal_id", True),
        ("x-ms-token-aad-access-token", True),
        ("x-ms-request-id", False),
        ("x-forwarded-for", False),
        ("client-principal", False),
        ("", False),
    ],
)
def test_only_headers_of_the_platform_are_reserved(name: str, reserved: bool) -> None:
    assert is_reserved(name) is reserved


def test_a_token_that_was_verified_is_refused_once_it_has_expired(state: Path) -> None:
    clock = Clock()
    authentication = Authentication(AUDIENCE, state, anonymous=True, clock=clock)
    token, _, _ = TokenIssuer(private_key(state)).issue(IDENTITY, AUDIENCE)
    headers = {"host": "h", "authorization": f"Bearer {token}"}
    assert authentication.refusal(headers) is None
    assert headers["x-ms-client-principal-id"] == str(IDENTITY)

    clock.now = float("inf")

    refused = authentication.refusal({"host": "h", "authorization": f"Bearer {token}"})
    assert refused is not None
    assert refused.status == 401


@pytest.mark.parametrize(
    "content", [b"[" * 20_000, b"9" * 6_000, b"\xff", b"", json.dumps({"alg": ["ES256"]}).encode()]
)
def test_what_no_token_looks_like_is_refused_too(state: Path, content: bytes) -> None:
    authentication = Authentication(AUDIENCE, state, anonymous=True)

    for token in (f"{encoded(content)}.e30.AA", f"{encoded(b'{"alg":"ES256"}')}.{encoded(content)}.AA", "\x80.\xff.."):
        refused = authentication.refusal({"host": "h", "authorization": f"Bearer {token}"})
        assert refused is not None
        assert refused.status == 401


def test_without_the_key_of_a_stack_the_app_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"identity-public-key\.pem: .*local-azure up"):
        Authentication(AUDIENCE, tmp_path, anonymous=True)
