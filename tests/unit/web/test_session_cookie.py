"""Sessions of browsers: how long they last, and which cookies are believed."""

import re
from datetime import UTC, datetime, timedelta
from time import process_time

import pytest

from shared.adapters.session_issuer import SessionIssuer, SigningKey
from shared.domain.identifiers import utc_now
from tests.unit.adapters.signing import STRANGER, customer_token
from tests.unit.shared.test_privacy_settings import WEB
from tests.unit.web.browser import ORIGIN, SUBJECT, Browser
from web.cookies import LONGEST, Cookie, SealedCookie
from web.rendering import static_files, words
from web.sessions import IDLE, Session, Sessions
from web.sessions import LONGEST as LONGEST_SESSION
from web.visit import Language

START = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
LOOPBACK = "http://127.0.0.1:8080"
SECRET = "c" * 64


class Tokens:
    """Tokens that are numbered, valid by the same clock."""

    def __init__(self) -> None:
        self.now = START
        self.sessions: dict[str, Session] = {}

    def issue(self, subject: str, signed_in_at: datetime, expires_at: datetime) -> Session:
        token = f"token-{len(self.sessions)}"
        self.sessions[token] = Session(subject, token, signed_in_at, self.now, expires_at)
        return self.sessions[token]

    def read(self, token: str) -> Session | None:
        session = self.sessions.get(token)
        return session if session and self.now < session.expires_at else None


class Clock:
    """A browser's session, and a clock to turn."""

    def __init__(self) -> None:
        self.tokens = Tokens()
        self.sessions = Sessions(self.tokens, lambda: self.tokens.now)
        self.cookie = self.sessions.begin(ORIGIN, SUBJECT)

    def session(self) -> Session | None:
        return self.sessions.of(ORIGIN, self.cookie.partition(";")[0])

    def use_after(self, **time: float) -> bool:
        """Whether the session is there after this time; it is used, and renewed if that is due."""
        self.tokens.now += timedelta(**time)
        session = self.session()
        if session and (renewed := self.sessions.renew(ORIGIN, session)):
            self.cookie = renewed.cookie
        return session is not None


def max_age(cookie: str) -> int:
    [value] = [part.partition("=")[2] for part in cookie.split("; ") if part.startswith("Max-Age=")]
    return int(value)


def test_a_session_that_is_not_used_ends_after_60_minutes() -> None:
    assert Clock().use_after(minutes=59, seconds=59)
    assert not Clock().use_after(minutes=60)
    assert max_age(Clock().cookie) == 3600


def test_a_session_that_is_used_lasts_for_12_hours_and_no_longer() -> None:
    clock = Clock()

    used = [clock.use_after(minutes=30) for _ in range(24)]

    assert used == [True] * 23 + [False]


def test_it_is_renewed_at_most_every_five_minutes() -> None:
    clock = Clock()
    first = clock.cookie

    clock.use_after(minutes=4, seconds=59)
    assert clock.cookie == first
    clock.use_after(seconds=1)
    assert clock.cookie != first


def test_towards_the_end_of_12_hours_the_cookie_lasts_only_for_the_rest() -> None:
    clock = Clock()
    for _ in range(14):
        clock.use_after(minutes=50)

    assert max_age(clock.cookie) == 20 * 60
    last = clock.cookie
    clock.use_after(minutes=10)
    assert clock.cookie == last


def test_a_page_is_told_how_long_it_lasts_and_whether_that_is_the_end_of_12_hours() -> None:
    clock = Clock()
    session = clock.session()
    assert session
    assert clock.sessions.left(session) == "3600"
    clock.tokens.now += timedelta(minutes=59, seconds=59, milliseconds=1)
    assert clock.sessions.left(session) == "0"

    clock = Clock()
    for _ in range(14):
        clock.use_after(minutes=50)
    session = clock.session()
    assert session
    assert clock.sessions.left(session) == "1200;last"


def test_it_is_of_the_same_customer_and_the_same_sign_in_after_renewing() -> None:
    clock = Clock()

    clock.use_after(minutes=30)

    session = clock.session()
    assert session
    assert (session.subject, session.signed_in_at) == (SUBJECT, START)


@pytest.mark.parametrize("path", ["/", "/my", "/my/data", "/nowhere"])
async def test_every_answer_renews_a_session_that_has_been_used_for_a_while(
    signed_in: Browser, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    before = signed_in.cookies["__Host-session"]

    assert (await signed_in.get(path)).cookies == []
    monkeypatch.setattr("web.sessions.RENEWED_AFTER", timedelta(0))
    [renewed] = (await signed_in.get(path)).cookies

    assert renewed.startswith("__Host-session=")
    assert signed_in.cookies["__Host-session"] != before


@pytest.mark.parametrize(
    ("headers", "is_renewed"),
    [
        ({"sec_fetch_mode": "navigate", "sec_fetch_user": "?1"}, True),
        ({"sec_fetch_mode": "navigate"}, False),
        ({"sec_fetch_mode": "navigate", "sec_fetch_user": "?0"}, False),
        ({"sec_fetch_mode": "same-origin"}, True),
        ({}, True),
    ],
    ids=["a click", "the page itself", "not a person", "a script, for a person", "an old browser"],
)
async def test_only_a_person_prolongs_the_session(
    signed_in: Browser, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str], is_renewed: bool
) -> None:
    monkeypatch.setattr("web.sessions.RENEWED_AFTER", timedelta(0))

    response = await signed_in.get("/my", **headers)

    assert bool(response.cookies) is is_renewed
    assert int(response.headers["Session-Seconds"]) > 0


async def test_a_page_of_somebody_who_has_signed_in_says_how_long_that_lasts_after_renewing_it(
    signed_in: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = utc_now()
    signed_in.cookies["__Host-session"] = signed(now - timedelta(hours=11.5), expires_at=now + timedelta(minutes=2))
    monkeypatch.setattr("web.sessions.RENEWED_AFTER", timedelta(0))

    response = await signed_in.get("/my/registration")

    [shown] = [each["data-session"] for each in response.html.all("div", role="status")]
    assert shown == response.headers["Session-Seconds"]
    seconds, last = shown.split(";")
    assert (last, 1700 < int(seconds) <= 1800) == ("last", True)


@pytest.mark.parametrize("path", ["/", "/nowhere", "/privacy"])
async def test_nobody_else_is_told_about_a_session(browser: Browser, path: str) -> None:
    response = await browser.get(path)

    assert "Session-Seconds" not in response.headers
    assert "data-session" not in response.text


async def test_after_signing_out_there_is_no_session_to_tell_about(signed_in: Browser) -> None:
    assert "Session-Seconds" not in (await signed_in.post("/logout")).headers


def test_the_words_say_what_the_script_and_the_sessions_do() -> None:
    script = static_files()["page.js"][1].decode()
    for language in Language:
        say = words(language)
        for name in ("session.ends", "session.last"):
            assert re.findall(r"\d+", say(name))[0] == re.findall(r"left > (\d+) \* minutes", script)[0]
        assert f"{LONGEST_SESSION.total_seconds() / 3600:.0f}" in say("session.last")
        assert f"{IDLE.total_seconds() / 60:.0f}" in say("form.time")
    for name in re.findall(r"'(ended|last|ends|prolonged)'", script):
        assert f"session.{name}" in words(Language.KOREAN).names


@pytest.mark.parametrize(("origin", "name", "secure"), [(ORIGIN, "__Host-session", True), (LOOPBACK, "session", False)])
def test_a_cookie_is_only_of_this_host_and_hidden_from_scripts(origin: str, name: str, secure: bool) -> None:
    text = Cookie("session").set(origin, "value", 60)

    assert text.split("; ") == [
        f"{name}=value",
        "Max-Age=60",
        "Path=/",
        "HttpOnly",
        "SameSite=Lax",
        *(["Secure"] if secure else []),
    ]


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("__Host-session=a", "a"),
        ("x=1; __Host-session=a; y=2", "a"),
        ("__Host-session=a; __Host-session=b", None),
        ("__Host-session=a; __Host-session=a", None),
        ("session=a", None),
        ("__host-session=a", None),
        ("x__Host-session=a", None),
        ("", None),
        (None, None),
        ("__Host-session", None),
        ("=;=;__Host-session=", ""),
        ("=__Host-session=a", None),
        ("x __Host-session=a", None),
        ("x=1, __Host-session=a", None),
        ("__Host-session=a=b", "a=b"),
        ("\t__Host-session= a\t;", "a"),
    ],
)
def test_a_cookie_is_read_only_if_it_is_there_once_by_its_name(header: str | None, value: str | None) -> None:
    assert Cookie("session").value(ORIGIN, header) == value


@pytest.mark.parametrize("part", ["a", " ", "\t ", "=", "a=", ";", "a;", "__Host-session"])
def test_the_time_to_read_a_header_grows_only_with_its_length(part: str) -> None:
    begun = process_time()

    Cookie("session").value(ORIGIN, part * 60_000)

    # It takes milliseconds. A regular expression without an anchor took half a minute.
    assert process_time() - begun < 5


def test_a_cookie_of_plain_http_is_not_believed_on_https_nor_the_other_way() -> None:
    cookie = Cookie("session")

    assert cookie.value(ORIGIN, cookie.set(LOOPBACK, "a", 60).partition(";")[0]) is None
    assert cookie.value(LOOPBACK, cookie.set(ORIGIN, "a", 60).partition(";")[0]) is None


def sealed(cookie: SealedCookie, **content: str) -> str:
    return cookie.set(ORIGIN, content).partition(";")[0]


def test_what_is_sealed_comes_back_and_cannot_be_read() -> None:
    cookie = SealedCookie("login", SECRET, 600)

    header = sealed(cookie, state="secret-state")

    assert "secret-state" not in header
    assert cookie.open(ORIGIN, header) == {"state": "secret-state"}
    assert max_age(cookie.set(ORIGIN, {})) == 600
    assert max_age(cookie.set(ORIGIN, {}, 60)) == 60


@pytest.mark.parametrize("other", [SealedCookie("operator", SECRET, 600), SealedCookie("login", "d" * 64, 600)])
def test_what_another_cookie_or_another_key_has_sealed_is_not_believed(other: SealedCookie) -> None:
    value = sealed(other, state="a").partition("=")[2]

    assert SealedCookie("login", SECRET, 600).open(ORIGIN, f"__Host-login={value}") is None


@pytest.mark.parametrize("change", ["", "a", "=", "é", "gAAAAA", "a" * 5000])
def test_what_was_made_up_is_not_believed(change: str) -> None:
    assert SealedCookie("login", SECRET, 600).open(ORIGIN, f"__Host-login={change}") is None


def test_what_was_changed_is_not_believed() -> None:
    cookie = SealedCookie("login", SECRET, 600)
    header = sealed(cookie, state="a")

    changed = [
        header[:place] + ("A" if header[place] != "A" else "B") + header[place + 1 :]
        for place in range(len("__Host-login="), len(header) - 1)
    ]
    assert [each for each in changed if cookie.open(ORIGIN, each)] == []


def test_what_was_sealed_too_long_ago_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    cookie = SealedCookie("login", SECRET, 600)
    monkeypatch.setattr("time.time", START.timestamp)
    header = sealed(cookie, state="a")

    monkeypatch.setattr("time.time", lambda: START.timestamp() + 600)
    assert cookie.open(ORIGIN, header)
    monkeypatch.setattr("time.time", lambda: START.timestamp() + 601)
    assert cookie.open(ORIGIN, header) is None


def test_a_cookie_that_a_browser_would_not_keep_is_not_sent() -> None:
    with pytest.raises(ValueError, match="too long"):
        Cookie("session").set(ORIGIN, "a" * LONGEST, 60)


def signed(
    signed_in_at: datetime | None, audience: str = WEB["SESSION_AUDIENCE"], expires_at: datetime | None = None
) -> str:
    """A token that is valid now, if it names the right audience."""
    issuer = SessionIssuer(SigningKey.read(WEB["SESSION_PRIVATE_KEY"]), WEB["SESSION_ISSUER"], audience)
    return issuer.token(SUBJECT, signed_in_at, expires_at)


async def test_a_token_that_signing_in_here_did_not_make_is_no_session(browser: Browser) -> None:
    now = utc_now()
    tokens = {
        "made by signing in": signed(now),
        "made by a tool, which signs nobody in": signed(None),
        "for somebody else": signed(now, "another"),
        "signed by a stranger": customer_token(STRANGER, auth_time=1, iss=WEB["SESSION_ISSUER"]),
        "none": "none",
    }

    believed = []
    for name, token in tokens.items():
        browser.cookies = {"__Host-session": token}
        if (await browser.get("/my")).status == 200:
            believed.append(name)

    assert believed == ["made by signing in"]
