"""Signing in at the stand-in for Entra ID, as a browser and an app do it over HTTP."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import aiohttp
import jwt
import pytest
from aiohttp import web
from aiohttp.test_utils import unused_port
from cryptography.hazmat.primitives.asymmetric import ec

from stand_ins.entra.authorization import CODE_SECONDS, Client
from stand_ins.entra.federation import ASSERTION_TYPE
from stand_ins.entra.server import DEFAULT_AUDIENCE, DEFAULT_TENANT, HOST, EntraStandIn
from tests.unit.stand_ins.browser import controls_of
from tests.unit.stand_ins.federation import IDENTITY, assertion, credential
from web.ports import SignInAttempt

REDIRECT_URI = "http://127.0.0.1:8080/operators/login/callback"
ATTEMPT = SignInAttempt("the-state", "the-nonce", "v" * 43)
REQUEST = {
    "client_id": DEFAULT_AUDIENCE,
    "redirect_uri": REDIRECT_URI,
    "response_type": "code",
    "scope": f"openid profile {DEFAULT_AUDIENCE}/.default",
    "state": ATTEMPT.state,
    "nonce": ATTEMPT.nonce,
    "code_challenge": ATTEMPT.challenge,
    "code_challenge_method": "S256",
}


@dataclass
class SignIn:
    """A stand-in that answers, and who uses it. `now`: its clock, in seconds."""

    session: aiohttp.ClientSession
    entra: EntraStandIn
    now: float = 0

    async def ask(self, **changes: str | None) -> tuple[int, str]:
        parameters = {name: value for name, value in {**REQUEST, **changes}.items() if value is not None}
        async with self.session.get(_path("authorize"), params=parameters, allow_redirects=False) as response:
            return response.status, response.headers.get("Location") or await response.text()

    async def choose(self, **form: str) -> dict[str, str]:
        """What the app gets in the query after somebody has been chosen."""
        async with self.session.post(_path("authorize"), data={**REQUEST, **form}, allow_redirects=False) as response:
            location = urlsplit(response.headers["Location"])
        assert f"{location.scheme}://{location.netloc}{location.path}" == REDIRECT_URI
        return dict(parse_qsl(location.query))

    async def code(self, **form: str) -> str:
        answer = await self.choose(**{"person": "yeon", "role": "Operator", **form})
        assert answer["state"] == ATTEMPT.state
        return answer["code"]

    async def redeem(self, code: str, **changes: str | None) -> tuple[int, dict[str, Any]]:
        form = {
            "grant_type": "authorization_code",
            "client_id": DEFAULT_AUDIENCE,
            "code": code,
            "redirect_uri": REDIRECT_URI,
            "code_verifier": ATTEMPT.verifier,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion(),
            **changes,
        }
        sent = {name: value for name, value in form.items() if value is not None}
        async with self.session.post(_path("token"), data=sent) as response:
            return response.status, await response.json()


def _path(name: str) -> str:
    return f"/{DEFAULT_TENANT}/oauth2/v2.0/{name}"


def claims(token: str) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return found


@pytest.fixture
async def sign_in(tmp_path: Path) -> AsyncIterator[SignIn]:
    port = unused_port()
    async with aiohttp.ClientSession(f"http://{HOST}:{port}") as session:
        client = Client(DEFAULT_AUDIENCE, [REDIRECT_URI], credential(tmp_path))
        entra = EntraStandIn(port, client=client, clock=lambda: found.now)
        found = SignIn(session, entra)
        runner = web.AppRunner(entra.app())
        await runner.setup()
        await web.TCPSite(runner, HOST, port).start()
        yield found
        await runner.cleanup()


async def test_a_person_is_chosen_on_a_page_that_sends_the_request_again(sign_in: SignIn) -> None:
    status, page = await sign_in.ask(state='"><script>')

    assert status == 200
    assert "<script" not in page
    controls = controls_of(page)
    assert {**REQUEST, "state": '"><script>'}.items() <= dict(controls).items()
    assert {("person", "yeon"), ("person", "hana"), ("role", "Operator"), ("cancel", "yes")} <= set(controls)


async def test_a_code_is_worth_an_id_token_and_an_access_token(sign_in: SignIn) -> None:
    status, answer = await sign_in.redeem(await sign_in.code())

    assert (status, answer["token_type"]) == (200, "Bearer")
    who, access = claims(answer["id_token"]), claims(answer["access_token"])
    assert (who["aud"], who["iss"], who["nonce"], who["name"]) == (
        DEFAULT_AUDIENCE,
        sign_in.entra.issuer,
        ATTEMPT.nonce,
        "yeon",
    )
    assert (access["aud"], access["roles"], access["azpacr"], access["oid"]) == (
        DEFAULT_AUDIENCE,
        ["Operator"],
        "2",
        who["oid"],
    )
    assert access["oid"] == claims(sign_in.entra.access_token("yeon", []))["oid"]


async def test_a_person_without_the_role_gets_a_token_without_it(sign_in: SignIn) -> None:
    code = (await sign_in.choose(person="min"))["code"]

    _, answer = await sign_in.redeem(code)

    assert "roles" not in claims(answer["access_token"])


async def test_who_cancels_goes_back_to_the_app(sign_in: SignIn) -> None:
    answer = await sign_in.choose(person="yeon", cancel="yes")

    assert (answer["error"], answer["state"]) == ("access_denied", ATTEMPT.state)
    assert answer["error_description"].startswith("AADSTS65004: ")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"client_id": "another"}, 700016),
        ({"client_id": None}, 900144),
        ({"redirect_uri": f"{REDIRECT_URI}/"}, 50011),
        ({"redirect_uri": REDIRECT_URI.replace("127.0.0.1", "localhost")}, 50011),
        ({"redirect_uri": None}, 900144),
    ],
)
async def test_what_may_lead_elsewhere_is_refused_on_a_page(
    sign_in: SignIn, changes: dict[str, str | None], code: int
) -> None:
    status, page = await sign_in.ask(**changes)

    assert status == 400
    assert f"AADSTS{code}: " in page


@pytest.mark.parametrize(
    ("changes", "error", "code"),
    [
        ({"response_type": "token"}, "unsupported_response_type", 700051),
        ({"response_mode": "form_post"}, "unsupported_response_type", 700051),
        ({"scope": "openid profile"}, "invalid_scope", 70011),
        ({"scope": "openid profile another/.default"}, "invalid_scope", 70011),
        ({"code_challenge": None}, "invalid_request", 50147),
        ({"code_challenge_method": "plain"}, "invalid_request", 50147),
        ({"nonce": None}, "invalid_request", 900144),
    ],
)
async def test_the_app_is_told_what_is_wrong_with_its_request(
    sign_in: SignIn, changes: dict[str, str | None], error: str, code: int
) -> None:
    status, location = await sign_in.ask(**changes)

    answer = dict(parse_qsl(urlsplit(location).query))
    assert (status, location.partition("?")[0]) == (302, REDIRECT_URI)
    assert (answer["error"], answer["state"]) == (error, ATTEMPT.state)
    assert answer["error_description"].startswith(f"AADSTS{code}: ")


# When the tests are collected: the last of them may run an hour later.
NOW, DAY = int(time.time()), 86_400


@pytest.mark.parametrize(
    ("changes", "status", "error", "code"),
    [
        ({"code": "another"}, 400, "invalid_grant", 9002313),
        ({"code": None}, 400, "invalid_request", 900144),
        ({"code_verifier": "w" * 43}, 400, "invalid_grant", 501481),
        ({"code_verifier": None}, 400, "invalid_request", 900144),
        ({"redirect_uri": f"{REDIRECT_URI}?"}, 401, "invalid_client", 500112),
        ({"client_id": "another"}, 400, "unauthorized_client", 700016),
        ({"client_assertion": None}, 401, "invalid_client", 7000218),
        ({"client_assertion": None, "client_secret": "secret"}, 401, "invalid_client", 7000218),
        ({"client_assertion_type": "another"}, 401, "invalid_client", 7000218),
        ({"client_assertion": "a.b.c"}, 401, "invalid_client", 50027),
        ({"client_assertion": assertion(None, "none")}, 401, "invalid_client", 700027),
        ({"client_assertion": assertion(ec.generate_private_key(ec.SECP256R1()))}, 401, "invalid_client", 700027),
        ({"client_assertion": assertion(exp=NOW - 600)}, 401, "invalid_client", 700024),
        ({"client_assertion": assertion(nbf=NOW + DAY, exp=NOW + 2 * DAY)}, 401, "invalid_client", 700024),
        ({"client_assertion": assertion(iss="https://another")}, 401, "invalid_client", 700211),
        ({"client_assertion": assertion(aud="api://ssak8")}, 401, "invalid_client", 700212),
        ({"client_assertion": assertion(sub=IDENTITY.replace("4", "3"))}, 401, "invalid_client", 700213),
        ({"client_assertion": assertion(sub=None)}, 401, "invalid_client", 50027),
    ],
)
async def test_a_wrong_exchange_gives_no_token(
    sign_in: SignIn, changes: dict[str, str | None], status: int, error: str, code: int
) -> None:
    parameters: dict[str, Any] = {"code": await sign_in.code(), **changes}

    answered, answer = await sign_in.redeem(**parameters)

    assert (answered, answer["error"], answer["error_codes"]) == (status, error, [code])
    assert answer["error_description"].startswith(f"AADSTS{code}: ")


async def test_a_code_is_used_once(sign_in: SignIn) -> None:
    used, spoilt = await sign_in.code(), await sign_in.code()
    assert (await sign_in.redeem(used))[0] == 200
    assert (await sign_in.redeem(spoilt, code_verifier="w" * 43))[0] == 400

    for code in (used, spoilt):
        status, answer = await sign_in.redeem(code)
        assert (status, answer["error_codes"]) == (400, [54005])


async def test_a_code_expires(sign_in: SignIn) -> None:
    code = await sign_in.code()

    sign_in.now += CODE_SECONDS

    assert (await sign_in.redeem(code))[1]["error_codes"] == [70008]


async def test_it_says_so_when_it_has_no_key_of_the_identities(sign_in: SignIn, tmp_path: Path) -> None:
    (tmp_path / "identity-public-key.pem").unlink()

    status, answer = await sign_in.redeem(await sign_in.code())

    assert (status, answer["error"]) == (503, "temporarily_unavailable")
    assert "--federated-key" in answer["error_description"]


async def test_it_says_where_people_sign_in(sign_in: SignIn) -> None:
    async with sign_in.session.get(f"/{DEFAULT_TENANT}/v2.0/.well-known/openid-configuration") as response:
        configuration = await response.json()

    assert urlsplit(configuration["authorization_endpoint"]).path == _path("authorize")
    assert urlsplit(configuration["token_endpoint"]).path == _path("token")
