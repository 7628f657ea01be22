"""Signing in at Entra ID: the app's own client, the SDK for its managed identity, and the stand-in, over sockets."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import aiohttp
import jwt
import pytest
from aiohttp import web
from aiohttp.test_utils import unused_port
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError
from azure.identity.aio import ManagedIdentityCredential
from cryptography.hazmat.primitives.asymmetric import ec

from shared.adapters.issuer_keys import CachedIssuer, OpenIdIssuer
from shared.adapters.tokens import Expected
from stand_ins.entra.authorization import Client
from stand_ins.entra.federation import FederatedCredential
from stand_ins.entra.server import DEFAULT_AUDIENCE, DEFAULT_TENANT, HOST, EntraStandIn
from stand_ins.entra.tokens import SigningKey
from tests.unit.stand_ins.browser import choose
from tests.unit.stand_ins.federation import IDENTITY, assertion, credential
from web.adapters.entra_login import LIMITS, Credential, EntraLogin
from web.ports import SignInAttempt, SignInRefused, SignInUnavailable

REDIRECT_URI: Final = "http://127.0.0.1:8080/operators/login/callback"
TIMEOUT: Final = 5.0


@dataclass
class Tokens:
    """A managed identity that has this token, or fails."""

    token: str = field(default_factory=assertion)
    failure: Exception | None = None
    asked: list[tuple[str, ...]] = field(default_factory=list)

    async def get_token(self, *scopes: str) -> AccessToken:
        self.asked.append(scopes)
        if self.failure:
            raise self.failure
        return AccessToken(self.token, 0)


@dataclass
class SigningIn:
    """A client of an issuer, and a browser."""

    login: EntraLogin
    browser: aiohttp.ClientSession
    directory: OpenIdIssuer

    async def come_back(self, attempt: SignInAttempt, person: str = "yeon", *roles: str) -> dict[str, str]:
        url = await self.login.authorization_url(REDIRECT_URI, attempt)
        place, query = await choose(self.browser, url, person, *roles)
        assert (place, query["state"]) == (REDIRECT_URI, attempt.state)
        return query


@asynccontextmanager
async def signing_in(issuer: str, identity: Credential, timeout_seconds: float = TIMEOUT) -> AsyncIterator[SigningIn]:
    directory = OpenIdIssuer(issuer, timeout_seconds)
    published = CachedIssuer(directory, "Entra ID", time.monotonic)
    login = EntraLogin(published, Expected(issuer, DEFAULT_AUDIENCE), identity, timeout_seconds)
    async with aiohttp.ClientSession() as browser:
        yield SigningIn(login, browser, directory)
    await login.close()
    await directory.close()


@asynccontextmanager
async def served(app: web.Application, port: int) -> AsyncIterator[None]:
    runner = web.AppRunner(app, shutdown_timeout=0)  # it may hang
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, port).start()
        yield
    finally:
        await runner.cleanup()


@asynccontextmanager
async def entra(trusted: FederatedCredential) -> AsyncIterator[EntraStandIn]:
    port = unused_port()
    stand_in = EntraStandIn(port, client=Client(DEFAULT_AUDIENCE, [REDIRECT_URI], trusted))
    async with served(stand_in.app(), port):
        yield stand_in


@pytest.fixture
async def at_entra(tmp_path: Path) -> AsyncIterator[SigningIn]:
    async with entra(credential(tmp_path)) as stand_in, signing_in(stand_in.issuer, Tokens()) as found:
        yield found


@pytest.fixture
async def managed_identity(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[str]]:
    """The endpoint of App Service (REST, api-version 2019-08-01): the resources for which the SDK wants tokens."""
    resources = []

    async def token(request: web.Request) -> web.Response:
        assert request.headers["X-IDENTITY-HEADER"] == "secret"
        resources.append(request.query["resource"])
        content = {"access_token": assertion(), "resource": resources[-1], "token_type": "Bearer"}
        return web.json_response({**content, "expires_on": str(int(time.time()) + 3600)})

    app, port = web.Application(), unused_port()
    app.router.add_get("/msi/token", token)
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://{HOST}:{port}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", "secret")
    async with served(app, port):
        yield resources


async def test_the_app_proves_itself_by_its_managed_identity(managed_identity: list[str], tmp_path: Path) -> None:
    attempt = SignInAttempt.new()

    async with (
        ManagedIdentityCredential(client_id=IDENTITY) as identity,
        entra(credential(tmp_path)) as stand_in,
        signing_in(stand_in.issuer, identity) as here,
    ):
        query = await here.come_back(attempt, "hana", "Operator")
        token = await here.login.token(query["code"], REDIRECT_URI, attempt)

    claims = jwt.decode(token.token, options={"verify_signature": False})
    assert managed_identity == ["api://AzureADTokenExchange"]
    assert (token.name, claims["name"], claims["roles"]) == ("hana", "hana", ["Operator"])
    assert token.expires_at == datetime.fromtimestamp(claims["exp"], UTC)
    assert timedelta(minutes=55) < token.expires_at - datetime.now(UTC) < timedelta(minutes=65)


async def test_who_has_no_role_gets_a_token_too(at_entra: SigningIn) -> None:
    attempt = SignInAttempt.new()
    query = await at_entra.come_back(attempt, "min")

    token = await at_entra.login.token(query["code"], REDIRECT_URI, attempt)

    assert "roles" not in jwt.decode(token.token, options={"verify_signature": False})


async def test_a_code_is_worth_one_token(at_entra: SigningIn) -> None:
    attempt = SignInAttempt.new()
    query = await at_entra.come_back(attempt)
    await at_entra.login.token(query["code"], REDIRECT_URI, attempt)

    with pytest.raises(SignInRefused, match="54005"):
        await at_entra.login.token(query["code"], REDIRECT_URI, attempt)


@pytest.mark.parametrize(("name", "reason"), [("verifier", "501481"), ("nonce", "^nonce$")])
async def test_a_code_of_another_attempt_is_refused(at_entra: SigningIn, name: str, reason: str) -> None:
    attempt = SignInAttempt.new()
    query = await at_entra.come_back(attempt)

    with pytest.raises(SignInRefused, match=reason):
        await at_entra.login.token(query["code"], REDIRECT_URI, replace(attempt, **{name: "x" * 43}))


async def test_a_redirect_uri_that_is_not_registered_leads_nowhere(at_entra: SigningIn) -> None:
    url = await at_entra.login.authorization_url("http://127.0.0.1:9/operators/login/callback", SignInAttempt.new())

    async with at_entra.browser.get(url, allow_redirects=False) as response:
        assert response.status == 400
        assert "AADSTS50011" in await response.text()


async def test_another_redirect_uri_than_before_is_no_use(
    at_entra: SigningIn, caplog: pytest.LogCaptureFixture
) -> None:
    attempt = SignInAttempt.new()
    query = await at_entra.come_back(attempt)

    with pytest.raises(SignInUnavailable):
        await at_entra.login.token(query["code"], f"{REDIRECT_URI}2", attempt)
    assert "500112" in caplog.text


FOREIGN: Final = ec.generate_private_key(ec.SECP256R1())


@pytest.mark.parametrize(
    ("identity", "logged"),
    [
        (Tokens(""), "7000218"),
        (Tokens(assertion(exp=int(time.time()) - 3600)), "700024"),
        (Tokens(assertion(FOREIGN)), "700027"),
        (Tokens(assertion(None, "none")), "700027"),
        (Tokens(assertion(sub="5a7ec0de-0000-4000-8000-000000000001")), "700213"),
        (Tokens(failure=ClientAuthenticationError("no identity")), "ClientAuthenticationError"),
    ],
)
async def test_without_a_proof_of_its_own_the_app_gets_no_token(
    tmp_path: Path, identity: Tokens, logged: str, caplog: pytest.LogCaptureFixture
) -> None:
    attempt = SignInAttempt.new()

    async with entra(credential(tmp_path)) as stand_in, signing_in(stand_in.issuer, identity) as here:
        query = await here.come_back(attempt)
        with pytest.raises(SignInUnavailable):
            await here.login.token(query["code"], REDIRECT_URI, attempt)

    assert identity.asked == [("api://AzureADTokenExchange/.default",)]
    assert logged in caplog.text
    assert query["code"] not in caplog.text


ATTEMPT: Final = SignInAttempt.new()
type Answer = Callable[["Issuer"], Any]


class Issuer:
    """An issuer that answers whatever a test wants. `calls`: of its token endpoint."""

    def __init__(self, answer: Answer, delay: float = 0) -> None:
        self.key = SigningKey()
        self._answer = answer
        self._delay = delay
        self.calls = 0
        self.port = unused_port()
        self.url = f"http://{HOST}:{self.port}/{DEFAULT_TENANT}/v2.0"

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get(f"/{DEFAULT_TENANT}/v2.0/.well-known/openid-configuration", self._configuration)
        app.router.add_get("/keys", self._keys)
        app.router.add_post("/token", self._token)
        return app

    async def _configuration(self, request: web.Request) -> web.Response:
        base = f"http://{HOST}:{self.port}"
        places = {"token_endpoint": f"{base}/token", "authorization_endpoint": f"{base}/authorize"}
        return web.json_response({"issuer": self.url, "jwks_uri": f"{base}/keys", **places})

    async def _keys(self, request: web.Request) -> web.Response:
        return web.json_response({"keys": [self.key.jwk(self.url)]})

    async def _token(self, request: web.Request) -> web.Response:
        self.calls += 1
        await asyncio.sleep(self._delay)
        answer = self._answer(self)
        return answer if isinstance(answer, web.Response) else web.json_response(answer)

    def claims(self, **changes: object) -> dict[str, Any]:
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": DEFAULT_AUDIENCE,
            "sub": "a",
            "iat": now,
            "exp": now + 3600,
            "nonce": ATTEMPT.nonce,
            **changes,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def answer(self, key: SigningKey | None = None, **changes: object) -> dict[str, str]:
        """A right answer, but for the changes of the id token."""
        token = (key or self.key).sign(self.claims(**changes))
        return {"id_token": token, "access_token": self.key.sign({"exp": int(time.time()) + 3600})}


@asynccontextmanager
async def at(issuer: Issuer, timeout_seconds: float = TIMEOUT) -> AsyncIterator[EntraLogin]:
    async with served(issuer.app(), issuer.port), signing_in(issuer.url, Tokens(), timeout_seconds) as here:
        yield here.login


def _unsigned(issuer: Issuer) -> dict[str, str]:
    token = jwt.encode(issuer.claims(), "", "none", headers={"kid": issuer.key.kid})
    return {**issuer.answer(), "id_token": token}


def _symmetric(issuer: Issuer) -> dict[str, str]:
    """Signed with the public key as if it were a secret (RFC 8725 §2.1)."""
    secret = issuer.key.jwk(issuer.url)["n"]
    token = jwt.encode(issuer.claims(), secret, "HS256", headers={"kid": issuer.key.kid})
    return {**issuer.answer(), "id_token": token}


def _past() -> int:
    return int(time.time()) - 3600


OTHER_KEY: Final = SigningKey()


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda issuer: issuer.answer(nonce="another"), id="nonce"),
        pytest.param(lambda issuer: issuer.answer(nonce=None), id="no nonce"),
        pytest.param(lambda issuer: issuer.answer(aud="another"), id="audience"),
        pytest.param(lambda issuer: issuer.answer(aud=[DEFAULT_AUDIENCE, "another"]), id="audiences"),
        pytest.param(lambda issuer: issuer.answer(iss="https://another"), id="issuer"),
        pytest.param(lambda issuer: issuer.answer(exp=_past()), id="expired"),
        pytest.param(lambda issuer: issuer.answer(exp=None), id="without end"),
        pytest.param(lambda issuer: issuer.answer(OTHER_KEY), id="unknown key"),
        pytest.param(_unsigned, id="alg none"),
        pytest.param(_symmetric, id="HS256"),
        pytest.param(lambda issuer: {**issuer.answer(), "id_token": "a.b"}, id="no token"),
        pytest.param(lambda issuer: {**issuer.answer(), "id_token": None}, id="none"),
        pytest.param(lambda issuer: {**issuer.answer(), "access_token": "a\r\nb.c.d"}, id="header"),
        pytest.param(lambda issuer: {**issuer.answer(), "access_token": issuer.key.sign({})}, id="endless access"),
        pytest.param(lambda issuer: {}, id="nothing"),
        pytest.param(lambda issuer: web.json_response({"error": "invalid_grant"}, status=400), id="invalid_grant"),
    ],
)
async def test_what_proves_nobody_lets_nobody_in(answer: Answer) -> None:
    async with at(Issuer(answer)) as login:
        with pytest.raises(SignInRefused):
            await login.token("code", REDIRECT_URI, ATTEMPT)


async def test_a_right_answer_lets_in() -> None:
    async with at(Issuer(lambda issuer: issuer.answer())) as login:
        token = await login.token("code", REDIRECT_URI, ATTEMPT)

    assert token.name == ""
    assert token.token not in repr(token)


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: web.Response(status=500),
        lambda _: web.Response(status=429),
        lambda _: web.json_response({"error": "invalid_client"}, status=401),
        lambda _: web.Response(status=302, headers={"Location": "/keys"}),
        lambda _: web.Response(body=b"x" * 100_000),
    ],
)
async def test_when_it_fails_a_few_times_it_is_left_alone_for_a_while(answer: Answer) -> None:
    issuer = Issuer(answer)

    async with at(issuer) as login:
        for _ in range(LIMITS.failures + 2):
            with pytest.raises(SignInUnavailable) as raised:
                await login.token("code", REDIRECT_URI, ATTEMPT)

    assert issuer.calls == LIMITS.failures
    assert 0 < raised.value.retry_after <= LIMITS.reset_seconds


SECRET_CODE: Final = "0.code-that-nobody-may-know"


@pytest.mark.parametrize("status", [400, 401, 500])
@pytest.mark.parametrize(
    "body",
    [
        {"error": {"code": "InvalidRequest", "message": f"no such code: {SECRET_CODE}"}},
        {"error": ["invalid_grant"], "error_codes": {"code": SECRET_CODE}},
        {"error": [[SECRET_CODE]], "error_codes": [SECRET_CODE, True, [70008]]},
        {"error": 400, "error_codes": f"70008\n{SECRET_CODE}"},
        {"error": f"invalid_grant {SECRET_CODE}", "error_codes": [10**30]},
        {"error": None, "error_codes": None},
        [SECRET_CODE],
    ],
)
async def test_an_error_that_is_none_of_entra_id_is_an_outage(
    body: object, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with at(Issuer(lambda _: web.json_response(body, status=status))) as login:
        with pytest.raises(SignInUnavailable):
            await login.token(SECRET_CODE, REDIRECT_URI, ATTEMPT)

    assert "Entra ID gave no token" in caplog.text
    assert SECRET_CODE not in caplog.text


async def test_the_codes_of_an_error_of_entra_id_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    refused = {"error": "invalid_client", "error_codes": [700213, 70025]}
    async with at(Issuer(lambda _: web.json_response(refused, status=401))) as login:
        with pytest.raises(SignInUnavailable):
            await login.token("code", REDIRECT_URI, ATTEMPT)

    assert "status 401, AADSTS [700213, 70025]" in caplog.text


async def test_it_is_not_waited_for_longer_than_the_setting_says() -> None:
    async with at(Issuer(lambda issuer: issuer.answer(), delay=30), timeout_seconds=0.5) as login:
        with pytest.raises(SignInUnavailable):
            async with asyncio.timeout(10):
                await login.token("code", REDIRECT_URI, ATTEMPT)


async def test_nobody_signs_in_while_it_is_not_there() -> None:
    async with signing_in(f"http://{HOST}:{unused_port()}/{DEFAULT_TENANT}/v2.0", Tokens()) as here:
        with pytest.raises(SignInUnavailable):
            await here.login.authorization_url(REDIRECT_URI, SignInAttempt.new())
        with pytest.raises(SignInUnavailable):
            await here.login.token("code", REDIRECT_URI, ATTEMPT)
