"""Managed identities and App Service authentication: tokens, and whom an app is told that it is called by."""

import base64
import hashlib
import hmac
import json
import socket
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ManagedIdentityCredential as BlockingCredential
from azure.identity.aio import ManagedIdentityCredential
from cryptography.hazmat.primitives.asymmetric import ec

from local_azure.identity.key import PUBLIC_KEY, private_key
from local_azure.identity.tokens import ALGORITHM, ISSUER, LEEWAY, LIFETIME, TokenIssuer
from local_azure.stack import Stack, StackError
from tests.integration.local_azure.identity_apps import AUDIENCE, CALLER, write_identity_apps

TIMEOUT_SECONDS = 10
HOUR = 3600
SCOPE = f"{AUDIENCE}/.default"
VERSION = "api-version=2019-08-01"
SPOOFED = "11111111-1111-4111-8111-111111111111"

pytestmark = pytest.mark.timeout(480)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("identities")
    with Stack.start(write_identity_apps(folder), folder / "state") as stack:
        yield stack


async def token_of(client: aiohttp.ClientSession, stack: Stack, **parameters: str) -> str:
    """The token that the app gets with the SDK."""
    async with client.get(f"{stack.url('caller')}/token", params={"scope": SCOPE} | parameters) as response:
        assert response.status == 200, await response.text()
        return await response.text()


async def headers_at(client: aiohttp.ClientSession, url: str, token: str | None = None) -> dict[str, str]:
    """The headers that the app gets."""
    sent = {} if token is None else {"Authorization": f"Bearer {token}"}
    async with client.get(f"{url}/headers", headers=sent) as response:
        assert response.status == 200
        return dict(json.loads(await response.text()))


async def settings_of(client: aiohttp.ClientSession, stack: Stack, app: str) -> dict[str, str | None]:
    async with client.get(f"{stack.url(app)}/settings") as response:
        return dict(json.loads(await response.text()))


def answer(url: str, request: str) -> tuple[int, str]:
    """Sends a request as it is written, which ends the connection. Returns status and body."""
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), TIMEOUT_SECONDS) as connection:
        connection.sendall(request.replace("\n", "\r\n").encode("latin-1"))
        received = b""
        while part := connection.recv(65536):
            received += part
    head, _, body = received.partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), body.decode()


# --- tokens ---


async def test_an_app_gets_a_token_of_its_identity_with_the_sdk(client: aiohttp.ClientSession, stack: Stack) -> None:
    before = int(time.time())

    claims = jwt.decode(await token_of(client, stack), options={"verify_signature": False})

    assert claims["aud"] == AUDIENCE
    assert claims["iss"] == ISSUER
    assert (claims["oid"], claims["sub"], claims["azp"], claims["appid"]) == (CALLER,) * 4
    assert before <= claims["iat"] == claims["nbf"] <= time.time()
    assert claims["exp"] - claims["iat"] == LIFETIME


async def test_the_sdk_reads_when_the_token_expires(
    client: aiohttp.ClientSession, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (await settings_of(client, stack, "caller")).items():
        monkeypatch.setenv(name, str(value))

    async with ManagedIdentityCredential(client_id=CALLER) as credential:
        token = await credential.get_token_info(SCOPE)
        again = await credential.get_token(SCOPE)
    with BlockingCredential() as blocking:
        other = blocking.get_token(SCOPE)

    assert token.refresh_on is not None
    assert token.refresh_on - time.time() == pytest.approx(LIFETIME / 2, abs=60)
    assert again.token == token.token
    assert other.expires_on - time.time() == pytest.approx(LIFETIME, abs=60)


async def test_an_identity_that_the_app_does_not_have_is_refused(client: aiohttp.ClientSession, stack: Stack) -> None:
    assert await token_of(client, stack, client_id=CALLER.upper())

    async with client.get(f"{stack.url('caller')}/token", params={"scope": SCOPE, "client_id": SPOOFED}) as response:
        assert response.status == 502
        assert "no identity with this client_id" in await response.text()


async def test_only_apps_with_an_identity_have_an_endpoint(client: aiohttp.ClientSession, stack: Stack) -> None:
    settings = await settings_of(client, stack, "caller")

    assert settings == stack.identity_settings("caller")
    assert settings["IDENTITY_ENDPOINT"] == f"{stack.url('identity')}/msi/token"
    assert settings["IDENTITY_HEADER"]
    assert set((await settings_of(client, stack, "called")).values()) == {None}
    with pytest.raises(StackError, match=r"set apps\.called\.identity"):
        stack.identity_settings("called")


@pytest.mark.parametrize("secret", [None, "", "wrong", "é"])
async def test_a_missing_or_wrong_secret_is_refused(stack: Stack, secret: str | None) -> None:
    sent = "" if secret is None else f"X-IDENTITY-HEADER: {secret}\n"

    status, body = answer(
        stack.url("identity"), f"GET /msi/token?resource=a&{VERSION} HTTP/1.1\nHost: localhost\n{sent}\n"
    )

    assert status == 401
    assert json.loads(body)["message"].startswith("The header X-IDENTITY-HEADER is missing or wrong")


async def test_a_wrong_secret_is_an_error_of_the_sdk(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{stack.url('identity')}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", "wrong")

    async with ManagedIdentityCredential() as credential:
        with pytest.raises(ClientAuthenticationError, match="IDENTITY_HEADER"):
            await credential.get_token(SCOPE)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (f"{VERSION}", "resource is missing"),
        (f"resource=&{VERSION}", "resource is missing"),
        ("resource=a", "Only api-version=2019-08-01"),
        ("resource=a&api-version=2017-09-01", "Only api-version=2019-08-01"),
        (f"resource=a&resource=b&{VERSION}", "twice"),
        (f"resource=a&mi_res_id=x&{VERSION}", "Not supported: mi_res_id"),
        (f"resource=a&principal_id={SPOOFED}&{VERSION}", "no identity with this principal_id"),
    ],
)
async def test_what_is_not_supported_is_refused(
    client: aiohttp.ClientSession, stack: Stack, query: str, message: str
) -> None:
    secret = (await settings_of(client, stack, "caller"))["IDENTITY_HEADER"]

    status, body = answer(
        stack.url("identity"), f"GET /msi/token?{query} HTTP/1.1\nHost: a\nX-IDENTITY-HEADER: {secret}\n\n"
    )

    assert status == 400
    assert message in json.loads(body)["message"]


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        (f"GET /other?resource=a&{VERSION} HTTP/1.1\nHost: a\n\n", 404),
        (f"GET /msi/token?resource=a&{VERSION} HTTP/1.1\n\n", 400),
        (f"GET /msi/token?resource=a&{VERSION} HTTP/1.1\nHost: a\nHost: b\n\n", 400),
        (f"POST /msi/token?resource=a&{VERSION} HTTP/1.1\nHost: a\nContent-Length: 0\n\n", 501),
    ],
)
async def test_other_requests_are_refused(stack: Stack, request_text: str, status: int) -> None:
    assert answer(stack.url("identity"), request_text)[0] == status


# --- who calls ---


async def test_an_app_is_told_who_calls(client: aiohttp.ClientSession, stack: Stack) -> None:
    token = await token_of(client, stack)

    headers = await headers_at(client, stack.url("called"), token)

    assert headers["x-ms-client-principal-id"] == CALLER
    assert headers["x-ms-client-principal-idp"] == "aad"
    assert headers["authorization"] == f"Bearer {token}"
    principal: dict[str, Any] = json.loads(base64.b64decode(headers["x-ms-client-principal"]))
    claims = {claim["typ"]: claim["val"] for claim in principal["claims"]}
    assert principal["auth_typ"] == "aad"
    assert claims["http://schemas.microsoft.com/identity/claims/objectidentifier"] == CALLER
    assert claims["appid"] == CALLER


@pytest.mark.parametrize("app", ["called", "open"])
@pytest.mark.parametrize(
    "lines",
    [
        "X-MS-CLIENT-PRINCIPAL-ID: {}",
        "x-ms-client-principal-id: {}",
        "X-Ms-Client-Principal-Id: {}\nX-MS-CLIENT-PRINCIPAL-ID: {}",
        "X-MS-CLIENT-PRINCIPAL: {}\nX-MS-CLIENT-PRINCIPAL-IDP: {}\nX-MS-CLIENT-PRINCIPAL-NAME: {}",
        "X_MS_CLIENT_PRINCIPAL_ID: {}",
        "X-MS_CLIENT-PRINCIPAL_ID: {}",
        "X-MS-CLIENT-PRINCIPAL-ID-2: {}",
        "X-MS-TOKEN-AAD-ACCESS-TOKEN: {}",
        "\n".join([f"X-Other-{number}: b" for number in range(80)] + ["X-MS-CLIENT-PRINCIPAL-ID: {}"] * 10),
    ],
)
def test_what_only_the_platform_may_say_never_reaches_an_app(stack: Stack, app: str, lines: str) -> None:
    request = f"GET /headers HTTP/1.1\nHost: a\nConnection: close\n{lines.replace('{}', SPOOFED)}\n\n"

    status, body = answer(stack.url(app), request)

    assert status == 200
    headers = json.loads(body)
    assert headers["host"] == "a"
    assert SPOOFED not in body
    assert not [name for name in headers if name.replace("_", "-").startswith(("x-ms-client", "x-ms-token"))]


def test_nor_in_trailers_of_a_chunked_body(stack: Stack) -> None:
    request = (
        "POST /headers HTTP/1.1\nHost: a\nConnection: close\nTransfer-Encoding: chunked\n\n"
        f"1\nx\n0\nX-MS-CLIENT-PRINCIPAL-ID: {SPOOFED}\n\n"
    )

    status, body = answer(stack.url("open"), request)

    assert status == 200
    assert SPOOFED not in body


@pytest.mark.parametrize("spoofed", ["X-MS-CLIENT-PRINCIPAL-ID", "x_ms_client_principal_id"])
async def test_a_genuine_token_does_not_let_others_headers_pass(
    client: aiohttp.ClientSession, stack: Stack, spoofed: str
) -> None:
    token = await token_of(client, stack)
    request = (
        f"GET /headers HTTP/1.1\nHost: a\nConnection: close\n{spoofed}: {SPOOFED}\n"
        f"Authorization: Bearer {token}\n{spoofed}: {SPOOFED}\n\n"
    )

    _, body = answer(stack.url("called"), request)

    assert json.loads(body)["x-ms-client-principal-id"] == CALLER
    assert SPOOFED not in body


# --- tokens that are not valid ---


def signed(stack: Stack, **claims: object) -> str:
    """A token of the stack with other claims; those that are None are left out."""
    own = {
        "aud": AUDIENCE,
        "iss": ISSUER,
        "iat": int(time.time()),
        "nbf": int(time.time()),
        "exp": int(time.time()) + HOUR,
        "oid": CALLER,
    } | claims
    kept = {name: value for name, value in own.items() if value is not None}
    return jwt.encode(kept, private_key(stack.state.folder), ALGORITHM)


def expired(stack: Stack) -> str:
    issuer = TokenIssuer(private_key(stack.state.folder), lambda: time.time() - LIFETIME - LEEWAY - 1)
    return issuer.issue(uuid.UUID(CALLER), AUDIENCE)[0]


def of_another_stack(_: Stack) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return TokenIssuer(key).issue(uuid.UUID(CALLER), AUDIENCE)[0]


def unsigned(_: Stack) -> str:
    return jwt.encode({"aud": AUDIENCE, "iss": ISSUER, "oid": CALLER, "exp": int(time.time()) + HOUR}, "", "none")


def signed_with_the_public_key(stack: Stack) -> str:
    """RFC 8725 §2.1: the public key as the secret of another algorithm, by hand because PyJWT refuses to."""

    def encoded(content: bytes) -> bytes:
        return base64.urlsafe_b64encode(content).rstrip(b"=")

    now = int(time.time())
    claims = {"aud": AUDIENCE, "iss": ISSUER, "oid": CALLER, "iat": now, "nbf": now, "exp": now + HOUR}
    text = encoded(b'{"alg":"HS256","typ":"JWT"}') + b"." + encoded(json.dumps(claims).encode())
    secret = (stack.state.folder / PUBLIC_KEY).read_bytes()
    return (text + b"." + encoded(hmac.digest(secret, text, hashlib.sha256))).decode()


@pytest.mark.parametrize(
    "make",
    [
        expired,
        of_another_stack,
        unsigned,
        signed_with_the_public_key,
        lambda stack: signed(stack, aud="api://other"),
        lambda stack: signed(stack, aud=[AUDIENCE, "api://other"]),
        lambda stack: signed(stack, iss="https://login.example.com/v2.0"),
        lambda stack: signed(stack, nbf=int(time.time()) + HOUR),
        lambda stack: signed(stack, oid=None),
        lambda stack: signed(stack, exp=None),
        lambda stack: signed(stack)[:-8],
        lambda _: "abc",
        lambda _: "",
        lambda stack: f"{signed(stack)}, Bearer {signed(stack)}",
    ],
)
@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
async def test_a_token_that_is_not_valid_is_refused(
    client: aiohttp.ClientSession, stack: Stack, make: Any, scheme: str
) -> None:
    headers = {"Authorization": f"{scheme} {make(stack)}"}

    async with client.get(f"{stack.url('called')}/headers", headers=headers) as response:
        assert response.status == 401
        assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]


async def test_the_same_token_in_two_headers_is_refused(client: aiohttp.ClientSession, stack: Stack) -> None:
    line = f"Authorization: Bearer {await token_of(client, stack)}\n"

    assert answer(stack.url("called"), f"GET /headers HTTP/1.1\nHost: a\nConnection: close\n{line}{line}\n")[0] == 401


async def test_a_token_that_was_accepted_is_refused_once_it_expires(
    client: aiohttp.ClientSession, stack: Stack
) -> None:
    token = signed(stack, exp=int(time.time()) - LEEWAY + 2)
    assert (await headers_at(client, stack.url("called"), token))["x-ms-client-principal-id"] == CALLER

    deadline = time.monotonic() + TIMEOUT_SECONDS
    status = 200
    while status == 200 and time.monotonic() < deadline:
        async with client.get(
            f"{stack.url('called')}/headers", headers={"Authorization": f"Bearer {token}"}
        ) as response:
            status = response.status

    assert status == 401


async def test_what_is_no_bearer_token_is_for_the_app(client: aiohttp.ClientSession, stack: Stack) -> None:
    headers = {"Authorization": "Basic YTpi"}

    async with client.get(f"{stack.url('called')}/headers", headers=headers) as response:
        received = json.loads(await response.text())

    assert received["authorization"] == "Basic YTpi"
    assert "x-ms-client-principal-id" not in received


async def test_an_app_without_authentication_gets_any_token(client: aiohttp.ClientSession, stack: Stack) -> None:
    headers = await headers_at(client, stack.url("open"), "abc")

    assert headers["authorization"] == "Bearer abc"
    assert "x-ms-client-principal-id" not in headers


@pytest.mark.parametrize("path", ["/headers", "/", "/other", "/admin/host/status"])
async def test_where_anonymous_calls_do_not_pass_a_token_is_needed(
    client: aiohttp.ClientSession, stack: Stack, path: str
) -> None:
    headers = {"Authorization": f"Bearer {await token_of(client, stack)}"}

    # Two processes answer: several calls, each on a connection of its own.
    for _ in range(6):
        async with client.get(f"{stack.url('closed')}{path}", headers={"Connection": "close"}) as response:
            assert response.status == 401
            assert response.headers["WWW-Authenticate"].startswith("Bearer realm=")
        async with client.get(f"{stack.url('closed')}{path}", headers={"Connection": "close"} | headers) as response:
            assert response.status == (404 if path == "/other" else 200)


# --- what lasts ---


async def test_a_token_outlives_the_apps_and_the_endpoint(client: aiohttp.ClientSession, stack: Stack) -> None:
    token = await token_of(client, stack)

    for service in ("called", "caller", "identity"):
        stack.restart_service(service)

    assert (await headers_at(client, stack.url("called"), token))["x-ms-client-principal-id"] == CALLER
    other = await token_of(client, stack)
    assert (await headers_at(client, stack.url("called"), other))["x-ms-client-principal-id"] == CALLER


async def test_without_the_endpoint_tokens_are_valid_but_there_are_no_others(
    client: aiohttp.ClientSession, stack: Stack
) -> None:
    token = await token_of(client, stack)
    stack.stop_service("identity")
    try:
        assert (await headers_at(client, stack.url("called"), token))["x-ms-client-principal-id"] == CALLER
        async with client.get(f"{stack.url('caller')}/token", params={"scope": SCOPE}) as response:
            assert response.status == 502
    finally:
        stack.start_service("identity")

    assert await token_of(client, stack)


async def test_the_endpoint_comes_with_the_apps_that_need_it(client: aiohttp.ClientSession, tmp_path: Path) -> None:
    config = write_identity_apps(tmp_path)

    with Stack.start(config, only=("caller",)) as stack:
        assert stack.services == ["identity", "caller"]
        first = await token_of(client, stack)
    with Stack.start(config, only=("called",)) as stack:
        assert stack.services == ["identity", "called"]
        async with client.get(
            f"{stack.url('called')}/headers", headers={"Authorization": f"Bearer {first}"}
        ) as response:
            assert response.status == 401  # a token of an earlier run
    with Stack.start(config, only=("open",)) as stack:
        assert stack.services == ["open"]
