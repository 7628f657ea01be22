"""Signing in with Kakao, over real sockets against the stand-in: who gets in, and what is refused."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp.test_utils import unused_port

from shared.adapters.issuer_keys import FRESH, REFETCH_PAUSE
from stand_ins.kakao_login.faults import Call, Faults, WrongBody, WrongToken
from stand_ins.kakao_login.server import KakaoStandIn, Registered
from tests.integration.web.kakao import REDIRECT_URI, YEON, World, world
from web.ports import SignInAttempt, SignInRefused, SignInUnavailable

KEYS = "/.well-known/jwks.json"
TOKEN = "/oauth/token"
FAILURES = 3
RESET = 10
SHORT = 0.5


def named(faults: Faults) -> str:
    """By what is wrong: the order of a set is another in each process."""
    return faults.model_dump_json(exclude_defaults=True)


@pytest.fixture(scope="module")
def stand_in() -> KakaoStandIn:
    """Made once: its keys take a moment."""
    return KakaoStandIn(unused_port(), Registered(redirect_uris=[REDIRECT_URI]))


@pytest.fixture
async def running(stand_in: KakaoStandIn) -> AsyncIterator[World]:
    stand_in.faults = Faults()
    async with world(stand_in) as found:
        yield found


@pytest.fixture(autouse=True)
def no_secret_in_logs(running: World, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Of no test here."""
    yield
    assert running.leaked(caplog.text) == []


@pytest.mark.parametrize("person", [YEON, "2204417385"])
async def test_who_signs_in_is_known_by_their_number(running: World, person: str) -> None:
    assert await running.sign_in(running.client(), person) == person


async def test_kakao_is_asked_for_no_scope_and_gets_a_challenge(running: World) -> None:
    attempt = running.attempt()

    url = await running.client().authorization_url(REDIRECT_URI, attempt)

    assert url.startswith(f"{running.kakao.issuer}/oauth/authorize?")
    query = parse_qs(urlsplit(url).query)
    assert query.pop("state") == [attempt.state]
    assert query.pop("nonce") == [attempt.nonce]
    assert query.pop("code_challenge") == [attempt.challenge]
    assert query.pop("code_challenge_method") == ["S256"]
    assert query.keys() == {"response_type", "client_id", "redirect_uri"}
    assert attempt.verifier not in url


def test_the_challenge_is_that_of_rfc_7636() -> None:
    attempt = SignInAttempt("state", "nonce", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")

    assert attempt.challenge == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


async def test_a_code_is_good_once(running: World) -> None:
    client, attempt = running.client(), running.attempt()
    code = await running.code(client, attempt)
    assert await client.subject(code, REDIRECT_URI, attempt) == YEON

    with pytest.raises(SignInRefused, match=r"^code$"):
        await client.subject(code, REDIRECT_URI, attempt)


async def test_a_code_is_good_only_for_who_began_the_attempt(running: World) -> None:
    client, victim, attacker = running.client(), running.attempt(), running.attempt()
    code = await running.code(client, attacker)

    with pytest.raises(SignInRefused, match=r"^code$"):
        await client.subject(code, REDIRECT_URI, victim)


async def test_an_id_token_of_another_attempt_is_refused(running: World) -> None:
    client, attempt = running.client(), running.attempt()
    code = await running.code(client, attempt)
    other = dataclasses.replace(attempt, nonce=running.attempt().nonce)

    with pytest.raises(SignInRefused, match=r"^nonce$"):
        await client.subject(code, REDIRECT_URI, other)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (WrongToken.NONCE, "nonce"),
        (WrongToken.NO_NONCE, "incomplete"),
        (WrongToken.AUDIENCE, "audience"),
        (WrongToken.ISSUER, "issuer"),
        (WrongToken.EXPIRED, "expired"),
        (WrongToken.FUTURE, "from the future"),
        (WrongToken.SUBJECT, "subject"),
        (WrongToken.NO_SUBJECT, "incomplete"),
        (WrongToken.UNKNOWN_KEY, "unknown key"),
        (WrongToken.FORGED, "signature"),
        (WrongToken.HS256, "algorithm"),
        (WrongToken.NONE, "malformed"),
        (WrongToken.GARBAGE, "malformed"),
    ],
)
async def test_an_id_token_that_is_wrong_lets_nobody_in(running: World, wrong: WrongToken, reason: str) -> None:
    running.kakao.faults = Faults(id_token=wrong)

    with pytest.raises(SignInRefused, match=f"^{reason}$"):
        await running.sign_in(running.client())


async def test_an_app_without_openid_connect_is_said_so(running: World, caplog: pytest.LogCaptureFixture) -> None:
    running.kakao.faults = Faults(id_token=WrongToken.MISSING)

    with pytest.raises(SignInUnavailable, match="no id token"):
        await running.sign_in(running.client())
    assert "is OpenID Connect switched on" in caplog.text


async def test_an_unknown_key_is_asked_for_once_and_then_refused(running: World) -> None:
    client = running.client()
    await running.sign_in(client)
    running.now += REFETCH_PAUSE
    running.kakao.faults = Faults(id_token=WrongToken.UNKNOWN_KEY)

    for _ in range(3):
        with pytest.raises(SignInRefused, match=r"^unknown key$"):
            await running.sign_in(client)

    assert running.calls[KEYS] == 2


async def test_a_new_key_is_found_five_minutes_after_the_keys_were_fetched(running: World) -> None:
    client = running.client()
    await running.sign_in(client)
    running.kakao.rotate()
    with pytest.raises(SignInRefused, match=r"^unknown key$"):
        await running.sign_in(client)

    running.now += REFETCH_PAUSE

    assert await running.sign_in(client) == YEON
    assert running.calls[KEYS] == 2


async def test_keys_are_fetched_once_an_hour_however_many_sign_in(running: World) -> None:
    client = running.client()
    assert await asyncio.gather(*(running.sign_in(client) for _ in range(10))) == [YEON] * 10
    assert running.calls[KEYS] == 1

    running.now += FRESH
    await running.sign_in(client)

    assert running.calls[KEYS] == 2


async def test_nobody_signs_in_while_kakao_is_down(running: World) -> None:
    client, attempt = running.client(), running.attempt()
    code = await running.code(client, attempt)
    await running.runner.cleanup()

    with pytest.raises(SignInUnavailable) as unavailable:
        await client.subject(code, REDIRECT_URI, attempt)
    assert unavailable.value.retry_after >= 1
    with pytest.raises(SignInUnavailable) as unavailable:
        await running.client().authorization_url(REDIRECT_URI, attempt)
    assert unavailable.value.retry_after >= 1


@pytest.mark.parametrize("calls", [Call.DISCOVERY, Call.KEYS, Call.TOKEN])
async def test_nobody_waits_long_for_a_kakao_that_is_slow(running: World, calls: Call) -> None:
    client, attempt = running.client(kakao_login_timeout_seconds=SHORT), running.attempt()
    code = "any" if calls is not Call.TOKEN else await running.code(client, attempt)
    running.kakao.faults = Faults(calls=frozenset({calls}), slow_seconds=60)

    async with asyncio.timeout(20 * SHORT):
        with pytest.raises(SignInUnavailable):
            await client.subject(code, REDIRECT_URI, attempt)


@pytest.mark.parametrize(
    "faults",
    [
        Faults(status=500),
        Faults(status=503),
        Faults(status=429),
        Faults(status=418),
        *(Faults(body=body) for body in WrongBody),
        Faults(endpoints_elsewhere=True),
    ],
    ids=named,
)
async def test_a_kakao_that_fails_lets_nobody_in(running: World, faults: Faults) -> None:
    running.kakao.faults = faults

    with pytest.raises(SignInUnavailable):
        await running.client().authorization_url(REDIRECT_URI, running.attempt())
    assert running.calls[TOKEN] == 0


@pytest.mark.parametrize(
    "faults",
    [Faults(status=500), Faults(status=503), Faults(status=429), *(Faults(body=body) for body in WrongBody)],
    ids=named,
)
async def test_a_kakao_that_fails_is_left_alone_for_a_while(running: World, faults: Faults) -> None:
    client = running.client(kakao_login_breaker_failures=FAILURES, kakao_login_breaker_reset_seconds=RESET)
    await running.sign_in(client)
    running.calls.clear()
    running.kakao.faults = faults

    for _ in range(2 * FAILURES):
        with pytest.raises(SignInUnavailable) as unavailable:
            await running.sign_in(client)
    assert running.calls[TOKEN] == FAILURES
    assert unavailable.value.retry_after == RESET

    running.kakao.faults = Faults()
    running.now += RESET
    assert await running.sign_in(client) == YEON


async def test_people_who_are_refused_do_not_keep_out_the_others(running: World) -> None:
    client = running.client(kakao_login_breaker_failures=FAILURES)

    for _ in range(2 * FAILURES):
        with pytest.raises(SignInRefused):
            await client.subject("made-up", REDIRECT_URI, running.attempt())

    assert await running.sign_in(client) == YEON


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"kakao_login_client_secret": "another"}, "KOE010"),
        ({"kakao_login_client_secret": None}, "KOE010"),
        ({"kakao_login_client_id": "another"}, "KOE101"),
    ],
)
async def test_wrong_settings_are_named_in_the_log_and_nobody_gets_in(
    running: World, caplog: pytest.LogCaptureFixture, changes: dict[str, object], code: str
) -> None:
    client, attempt = running.client(**changes), running.attempt()

    for _ in range(2 * FAILURES):
        with pytest.raises(SignInUnavailable, match="not taken"):
            await client.subject(await running.code(running.client(), attempt), REDIRECT_URI, attempt)

    assert f"invalid_client, {code}" in caplog.text
