"""The stand-in speaks as Entra ID does, and the product's own verifier accepts what it issues."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import jwt
import pytest
from aiohttp import web
from aiohttp.test_utils import unused_port

from shared.adapters.issuer_keys import REFETCH_PAUSE, CachedIssuer, OpenIdIssuer
from shared.adapters.tokens import Expected, TokenVerifier
from shared.domain.callers import Operator
from shared.domain.errors import Forbidden, Unauthenticated
from stand_ins.entra.server import DEFAULT_AUDIENCE, DEFAULT_TENANT, HOST, EntraStandIn
from tests.unit.adapters.signing import SESSIONS

FORM = {"grant_type": "password", "username": "yeon", "password": "any", "scope": f"{DEFAULT_AUDIENCE}/.default"}


@dataclass
class Running:
    """A stand-in that answers, and a verifier that gets its keys there. `now`: the verifier's clock, in seconds."""

    entra: EntraStandIn
    runner: web.AppRunner
    session: aiohttp.ClientSession
    now: float = 0

    def __post_init__(self) -> None:
        self.directory = OpenIdIssuer(self.entra.issuer, timeout_seconds=5)
        keys = CachedIssuer(self.directory, "Entra ID", lambda: self.now)
        self.verifier = TokenVerifier(SESSIONS, {}, Expected(self.entra.issuer, DEFAULT_AUDIENCE), keys)

    async def get(self, path: str) -> tuple[int, dict[str, Any]]:
        async with self.session.get(path) as response:
            return response.status, await response.json()

    async def post(self, path: str, **form: object) -> tuple[int, dict[str, Any]]:
        async with self.session.post(path, data=form) as response:
            return response.status, json.loads(await response.read() or b"{}")

    async def token(self, **changes: object) -> str:
        status, answer = await self.post(
            f"/{DEFAULT_TENANT}/oauth2/v2.0/token", **{**FORM, "role": "Operator", **changes}
        )
        assert (status, answer["token_type"]) == (200, "Bearer")
        return str(answer["access_token"])

    async def caller(self, token: str) -> object:
        return await self.verifier.caller(f"Bearer {token}")


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    port = unused_port()
    entra = EntraStandIn(port)
    runner = web.AppRunner(entra.app())
    await runner.setup()
    await web.TCPSite(runner, HOST, port).start()
    async with aiohttp.ClientSession(f"http://{HOST}:{port}") as session:
        found = Running(entra, runner, session)
        yield found
        await found.directory.close()
    await runner.cleanup()


async def test_an_operators_token_is_accepted(running: Running) -> None:
    caller = await running.caller(await running.token())

    assert isinstance(caller, Operator)
    assert caller.roles == {"Operator"}
    assert await running.caller(await running.token()) == caller


async def test_another_person_has_another_object_id(running: Running) -> None:
    assert await running.caller(await running.token(username="min")) != await running.caller(await running.token())


async def test_who_has_another_role_is_no_operator(running: Running) -> None:
    with pytest.raises(Forbidden):
        await running.caller(await running.token(role="Reader"))
    with pytest.raises(Forbidden):
        await running.caller(running.entra.access_token("yeon", []))


async def test_a_new_key_is_accepted_and_the_one_before_stays_published(running: Running) -> None:
    old = await running.token()
    operator = await running.caller(old)

    assert (await running.post("/stand-in/rotate"))[0] == 204
    new = await running.token()
    running.now += REFETCH_PAUSE

    assert await running.caller(new) == await running.caller(old) == operator


async def test_a_key_from_before_the_last_one_is_gone(running: Running) -> None:
    old = await running.token()
    running.entra.rotate()
    running.entra.rotate()

    with pytest.raises(Unauthenticated, match="key is not known"):
        await running.caller(old)


async def test_known_keys_stay_valid_while_it_is_down(running: Running) -> None:
    token = await running.token()
    operator = await running.caller(token)

    await running.runner.cleanup()
    running.now += 24 * 60 * 60

    assert await running.caller(token) == operator


async def test_a_token_has_the_claims_of_entra_id(running: Running) -> None:
    token = await running.token()

    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims.keys() >= {
        "aud",
        "iss",
        "iat",
        "nbf",
        "exp",
        "azp",
        "name",
        "oid",
        "roles",
        "sub",
        "tid",
        "uti",
        "ver",
    }
    assert (claims["ver"], claims["tid"], claims["iss"]) == ("2.0", DEFAULT_TENANT, running.entra.issuer)
    assert jwt.get_unverified_header(token).keys() == {"alg", "kid", "typ"}


async def test_it_describes_itself(running: Running) -> None:
    status, configuration = await running.get(f"/{DEFAULT_TENANT}/v2.0/.well-known/openid-configuration")

    assert (status, configuration["issuer"]) == (200, running.entra.issuer)
    _, document = await running.get(configuration["jwks_uri"])
    [key] = document["keys"]
    assert key.keys() == {"kty", "use", "kid", "n", "e", "issuer"}


@pytest.mark.parametrize(
    ("changes", "error", "code"),
    [
        ({"grant_type": "client_credentials"}, "unsupported_grant_type", 70003),
        ({"scope": "api://another/.default"}, "invalid_scope", 70011),
        ({"username": ""}, "invalid_grant", 50034),
        ({"username": "Yeon <script>"}, "invalid_grant", 50034),
    ],
)
async def test_it_refuses_in_the_words_of_entra_id(
    running: Running, changes: dict[str, str], error: str, code: int
) -> None:
    status, answer = await running.post(f"/{DEFAULT_TENANT}/oauth2/v2.0/token", **{**FORM, **changes})

    assert (status, answer["error"], answer["error_codes"]) == (400, error, [code])
    assert answer["error_description"].startswith(f"AADSTS{code}: ")


@pytest.mark.parametrize("path", ["v2.0/.well-known/openid-configuration", "discovery/v2.0/keys"])
async def test_it_has_one_tenant(running: Running, path: str) -> None:
    status, answer = await running.get(f"/another/{path}")

    assert (status, answer["error"]) == (400, "invalid_tenant")
