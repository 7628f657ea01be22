import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import RSAAlgorithm

from shared.adapters.issuer_keys import (
    FIRST_FETCH_PAUSE,
    FRESH,
    LONGEST_DOCUMENT,
    REFETCH_PAUSE,
    CachedIssuer,
    FetchFailed,
    IssuerUnavailable,
    OpenIdIssuer,
    Published,
)
from tests.unit.adapters.signing import OPERATOR_KEY, RSA_STRANGER
from tests.virtual_time import run_virtually

OLD, NEW = OPERATOR_KEY.public_key(), RSA_STRANGER.public_key()
FETCH_SECONDS = 1
CALLERS = 50


@dataclass
class FakeIssuer:
    """It answers after a second. `down`: with a failure."""

    keys: Mapping[str, RSAPublicKey] = field(default_factory=lambda: {"old": OLD})
    endpoints: Mapping[str, str] = field(default_factory=dict)
    down: bool = False
    fetched_at: list[float] = field(default_factory=list)

    async def fetch(self) -> Published:
        self.fetched_at.append(asyncio.get_running_loop().time())
        await asyncio.sleep(FETCH_SECONDS)
        if self.down:
            raise FetchFailed("no answer in time")
        return Published(self.keys, self.endpoints)


def cached(issuer: FakeIssuer) -> CachedIssuer:
    return CachedIssuer(issuer, "Entra ID", asyncio.get_running_loop().time)


def test_keys_are_fetched_once_for_all_who_need_them() -> None:
    async def play() -> None:
        issuer = FakeIssuer()
        keys = cached(issuer)

        found = await asyncio.gather(*(keys.key("old") for _ in range(CALLERS)))

        assert found == [OLD] * CALLERS
        assert await keys.key("old") == OLD
        assert len(issuer.fetched_at) == 1

    run_virtually(play())


def test_unknown_keys_are_asked_for_once_in_five_minutes_however_many_ask() -> None:
    async def play() -> None:
        issuer = FakeIssuer()
        keys = cached(issuer)
        await keys.key("old")

        while asyncio.get_running_loop().time() < 3.5 * REFETCH_PAUSE:
            assert await asyncio.gather(*(keys.key(f"unknown-{n}") for n in range(CALLERS))) == [None] * CALLERS
            await asyncio.sleep(1)

        assert len(issuer.fetched_at) == 4
        assert all(later - earlier >= REFETCH_PAUSE for earlier, later in pairwise(issuer.fetched_at))

    run_virtually(play())


def test_a_new_key_is_found_when_it_is_first_seen() -> None:
    async def play() -> None:
        issuer = FakeIssuer()
        keys = cached(issuer)
        await keys.key("old")
        issuer.keys = {"old": OLD, "new": NEW}
        assert await keys.key("new") is None  # asked a moment ago

        await asyncio.sleep(REFETCH_PAUSE)

        assert await asyncio.gather(*(keys.key("new") for _ in range(CALLERS))) == [NEW] * CALLERS
        assert len(issuer.fetched_at) == 2

    run_virtually(play())


def test_a_withdrawn_key_is_no_longer_accepted_after_an_hour() -> None:
    async def play() -> None:
        issuer = FakeIssuer()
        keys = cached(issuer)
        await keys.key("old")
        issuer.keys = {"new": NEW}
        await asyncio.sleep(FRESH - FETCH_SECONDS - 1)
        assert await keys.key("old") == OLD

        await asyncio.sleep(FETCH_SECONDS + 1)

        assert await keys.key("old") is None

    run_virtually(play())


def test_while_the_issuer_is_down_known_keys_stay_valid() -> None:
    async def play() -> None:
        issuer = FakeIssuer()
        keys = cached(issuer)
        await keys.key("old")
        issuer.down = True

        for _ in range(24):
            await asyncio.sleep(FRESH)
            assert await asyncio.gather(*(keys.key("old") for _ in range(CALLERS))) == [OLD] * CALLERS
            assert await keys.key("old") == OLD

        assert len(issuer.fetched_at) == 25

    run_virtually(play())


def test_while_the_issuer_is_down_nobody_knows_whether_a_new_key_is_genuine() -> None:
    async def play() -> None:
        issuer = FakeIssuer()
        keys = cached(issuer)
        await keys.key("old")
        issuer.down = True
        await asyncio.sleep(REFETCH_PAUSE)

        for _ in range(3):
            with pytest.raises(IssuerUnavailable) as refused:
                await keys.key("new")
            assert 0 < refused.value.retry_after <= REFETCH_PAUSE
        assert len(issuer.fetched_at) == 2

        issuer.down, issuer.keys = False, {"new": NEW}
        await asyncio.sleep(refused.value.retry_after)
        assert await keys.key("new") == NEW

    run_virtually(play())


def test_without_any_key_it_is_tried_again_after_seconds() -> None:
    async def play() -> None:
        issuer = FakeIssuer(down=True)
        keys = cached(issuer)

        for _ in range(3):
            with pytest.raises(IssuerUnavailable) as refused:
                await keys.key("old")
            assert refused.value.retry_after <= FIRST_FETCH_PAUSE
        assert len(issuer.fetched_at) == 1

        issuer.down = False
        await asyncio.sleep(FIRST_FETCH_PAUSE)
        assert await keys.key("old") == OLD

    run_virtually(play())


def test_one_who_gives_up_does_not_end_it_for_the_others() -> None:
    async def play() -> None:
        issuer = FakeIssuer()
        keys = cached(issuer)
        first = asyncio.create_task(keys.key("old"))
        second = asyncio.create_task(keys.key("old"))
        await asyncio.sleep(FETCH_SECONDS / 2)

        first.cancel()

        assert await second == OLD
        assert len(issuer.fetched_at) == 1

    run_virtually(play())


def jwk(key: RSAPublicKey, **changes: object) -> dict[str, object]:
    """As in Entra ID's JWKS, which states no `alg`."""
    numbers = RSAAlgorithm.to_jwk(key, as_dict=True)
    entry = {"kty": "RSA", "use": "sig", "kid": "old", "n": numbers["n"], "e": numbers["e"], **changes}
    return {name: value for name, value in entry.items() if value is not None}


@dataclass
class Pages:
    """What an issuer answers by path. None: it never answers."""

    server: TestServer
    answers: dict[str, web.Response | None]

    @property
    def issuer(self) -> str:
        return str(self.server.make_url("/t/v2.0"))

    def configure(self, **changes: object) -> None:
        configuration: dict[str, Any] = {"issuer": self.issuer, "jwks_uri": str(self.server.make_url("/t/keys"))}
        self.answers["/t/v2.0/.well-known/openid-configuration"] = web.json_response(configuration | changes)


@asynccontextmanager
async def pages(timeout_seconds: float = 5) -> AsyncIterator[tuple[Pages, OpenIdIssuer]]:
    answers: dict[str, web.Response | None] = {}

    async def answer(request: web.Request) -> web.Response:
        response = answers[request.path]
        if response is None:
            await asyncio.sleep(60)
            raise AssertionError
        return response

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    server = TestServer(app, host="127.0.0.1")
    async with server:
        found = Pages(server, answers)
        found.configure()
        found.answers["/t/keys"] = web.json_response({"keys": [jwk(OLD)]})
        issuer = OpenIdIssuer(found.issuer, timeout_seconds)
        try:
            yield found, issuer
        finally:
            await issuer.close()


async def test_keys_are_found_where_the_issuer_says() -> None:
    async with pages() as (_, issuer):
        assert (await issuer.fetch()).keys == {"old": OLD}


async def test_only_keys_for_rs256_are_used() -> None:
    small = rsa.generate_private_key(65537, 1024).public_key()  # noqa: S505 which is why it is not used
    entries = [
        jwk(OLD),
        jwk(NEW, kid="new", alg="RS256"),
        jwk(NEW, kid="encrypts", use="enc"),
        jwk(NEW, kid="other", alg="PS256"),
        jwk(NEW, kid=None),
        jwk(NEW, kid="broken", n=None),
        jwk(small, kid="small"),
        {**RSAAlgorithm.to_jwk(RSA_STRANGER, as_dict=True), "kid": "private"},
        {"kty": "EC", "crv": "P-256", "kid": "ec"},
        {"kty": "oct", "kid": "oct", "k": "AAAA"},
        "key",
    ]
    async with pages() as (found, issuer):
        found.answers["/t/keys"] = web.json_response({"keys": entries})

        assert (await issuer.fetch()).keys == {"old": OLD, "new": NEW}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (web.json_response({"keys": []}), "no keys"),
        (web.json_response({"keys": "none"}), "no keys"),
        (web.json_response({}), "no keys"),
        (web.json_response([]), "not a JSON object"),
        (web.Response(text="<html>"), "not JSON"),
        (web.Response(body=b"\xff"), "not JSON"),
        (web.Response(status=503), "status 503"),
        (web.Response(status=302, headers={"Location": "/elsewhere"}), "status 302"),
        (web.Response(text=json.dumps({"keys": "x" * LONGEST_DOCUMENT})), "too long"),
        (None, "no answer in time"),
    ],
)
async def test_an_answer_without_keys_is_a_failure(answer: web.Response | None, reason: str) -> None:
    async with pages(timeout_seconds=0.5) as (found, issuer):
        found.answers["/t/keys"] = answer

        with pytest.raises(FetchFailed, match=reason):
            await issuer.fetch()


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "https://login.microsoftonline.com/t/v2.0"},
        {"issuer": None},
        {"jwks_uri": None},
        {"jwks_uri": "https://evil.example.com/keys"},
        {"jwks_uri": "http://[::1"},
        {"jwks_uri": "/t/keys"},
    ],
)
async def test_the_issuer_speaks_only_for_itself(changes: dict[str, object]) -> None:
    async with pages() as (found, issuer):
        found.configure(**changes)

        with pytest.raises(FetchFailed, match=r"another issuer|not where the issuer is"):
            await issuer.fetch()


async def test_an_issuer_that_is_gone_is_a_failure() -> None:
    async with pages() as (found, issuer):
        await found.server.close()

        with pytest.raises(FetchFailed, match="ClientConnectorError"):
            await issuer.fetch()


async def test_only_endpoints_of_the_issuers_own_origin_are_known() -> None:
    async with pages() as (found, issuer):
        token_url = str(found.server.make_url("/oauth/token"))
        found.configure(
            token_endpoint=token_url,
            authorization_endpoint="https://evil.example.com/oauth/authorize",
            userinfo_endpoint=None,
            end_session_endpoint=token_url.replace("127.0.0.1", "127.0.0.1@evil.example.com"),
        )

        assert (await issuer.fetch()).endpoints == {"token_endpoint": token_url}


def test_endpoints_come_with_the_keys_and_stay_known_while_the_issuer_is_down() -> None:
    async def play() -> None:
        issuer = FakeIssuer(endpoints={"token_endpoint": "https://issuer.example.com/token"})
        known = cached(issuer)
        await known.key("old")
        issuer.down = True
        await asyncio.sleep(FRESH)

        assert await known.endpoint("token_endpoint") == "https://issuer.example.com/token"
        with pytest.raises(IssuerUnavailable, match="Entra ID"):
            await known.endpoint("authorization_endpoint")

    run_virtually(play())


def test_an_issuer_may_have_no_such_endpoint() -> None:
    async def play() -> None:
        assert await cached(FakeIssuer()).endpoint("end_session_endpoint") is None

    run_virtually(play())
