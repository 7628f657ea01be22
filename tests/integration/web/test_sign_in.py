"""The page's side of signing in, with the client and the stand-in over sockets: whose session begins, and whose not."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie

import azure.functions as func
import pytest
from aiohttp.test_utils import unused_port

from shared.adapters.session_issuer import SessionIssuer, SigningKey
from shared.domain.identifiers import utc_now
from stand_ins.kakao_login.faults import Call, Faults, WrongToken
from stand_ins.kakao_login.server import KakaoStandIn, Registered
from tests.integration.web.kakao import REDIRECT_URI, YEON, World, world
from tests.unit.adapters.signing import CUSTOMER_KEY, SESSIONS
from web.adapters.session_tokens import SessionTokens
from web.cookies import SealedCookie
from web.pages.sign_in import SignIn
from web.sessions import Sessions
from web.visit import Answer, Language, Page, Place, Redirect, Visit

ORIGIN = REDIRECT_URI.removesuffix("/login/callback")


@dataclass
class Browser:
    """Somebody's browser at my page: it keeps cookies, and goes to Kakao."""

    pages: SignIn
    sessions: Sessions
    kakao: World
    cookies: dict[str, str] = field(default_factory=dict)

    async def begin(self) -> str:
        """The address at Kakao."""
        answer = self._keep(await self.pages.begin(self._visit({})))
        assert isinstance(answer, Redirect)
        return answer.elsewhere

    async def come_back(self, query: Mapping[str, str]) -> Answer:
        return self._keep(await self.pages.end(self._visit(query)))

    @property
    def subject(self) -> str | None:
        """Who has signed in here."""
        session = self.sessions.of(ORIGIN, self._header)
        return session.subject if session else None

    @property
    def _header(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    def _visit(self, query: Mapping[str, str]) -> Visit:
        request = func.HttpRequest("GET", ORIGIN, headers={"cookie": self._header}, params=dict(query), body=b"")
        return Visit(request, Language.KOREAN, ORIGIN, self.sessions.of(ORIGIN, self._header))

    def _keep(self, answer: Answer) -> Answer:
        assert isinstance(answer, Page | Redirect)
        for text in answer.cookies:
            [(name, morsel)] = SimpleCookie(text).items()
            if morsel["max-age"] == "0":
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = morsel.value
        return answer


@dataclass
class Here:
    kakao: World
    counted: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        issuer = SessionIssuer(SigningKey("one", CUSTOMER_KEY), SESSIONS.issuer, SESSIONS.audience)
        tokens = SessionTokens(issuer, {"one": CUSTOMER_KEY.public_key()}, SESSIONS)
        self.sessions = Sessions(tokens, utc_now)
        cookie = SealedCookie("login", "a key of the cookies in these tests", 600)
        self.pages = SignIn(self.kakao.client(), self.sessions, cookie, self.counted.append)

    def browser(self) -> Browser:
        return Browser(self.pages, self.sessions, self.kakao)


@pytest.fixture(scope="module")
def stand_in() -> KakaoStandIn:
    return KakaoStandIn(unused_port(), Registered(redirect_uris=[REDIRECT_URI]))


@pytest.fixture
async def here(stand_in: KakaoStandIn) -> AsyncIterator[Here]:
    stand_in.faults = Faults()
    async with world(stand_in) as kakao:
        yield Here(kakao)


def is_refused(answer: Answer) -> bool:
    return isinstance(answer, Page) and answer.status == 400


async def test_somebody_signs_in_and_is_sent_to_their_own_page(here: Here) -> None:
    browser = here.browser()

    answer = await browser.come_back(await here.kakao.choose(await browser.begin(), person=YEON))

    assert isinstance(answer, Redirect)
    assert answer.to is Place.MY
    assert browser.subject == YEON
    assert browser.cookies.keys() == {"session"}
    assert here.counted == ["signed-in"]


@pytest.mark.parametrize("state", [{"state": "another"}, {"state": ""}, {}], ids=str)
async def test_a_wrong_state_lets_nobody_in(here: Here, state: dict[str, str]) -> None:
    browser = here.browser()
    brought = await here.kakao.choose(await browser.begin(), person=YEON)

    assert is_refused(await browser.come_back({"code": brought["code"], **state}))
    assert browser.cookies == {}


async def test_nobody_is_signed_in_by_somebody_elses_link(here: Here) -> None:
    attacker, victim = here.browser(), here.browser()
    brought = await here.kakao.choose(await attacker.begin(), person="666")

    assert is_refused(await victim.come_back(brought))
    await victim.begin()
    assert is_refused(await victim.come_back(brought))

    assert victim.subject is None


async def test_coming_back_twice_signs_in_once(here: Here) -> None:
    browser = here.browser()
    brought = await here.kakao.choose(await browser.begin(), person=YEON)
    await browser.come_back(brought)
    browser.cookies.clear()

    assert is_refused(await browser.come_back(brought))
    assert browser.subject is None


async def test_who_cancels_is_sent_to_the_start(here: Here) -> None:
    browser = here.browser()

    answer = await browser.come_back(await here.kakao.choose(await browser.begin(), cancel="1"))

    assert isinstance(answer, Redirect)
    assert answer.to is Place.START
    assert browser.cookies == {}


async def test_an_id_token_that_is_wrong_begins_no_session(here: Here) -> None:
    browser = here.browser()
    brought = await here.kakao.choose(await browser.begin(), person=YEON)
    here.kakao.kakao.faults = Faults(id_token=WrongToken.FORGED)

    assert is_refused(await browser.come_back(brought))
    assert browser.subject is None
    assert here.counted == ["refused"]


async def test_while_kakao_is_down_a_page_says_so_and_nobody_gets_in(here: Here) -> None:
    browser = here.browser()
    brought = await here.kakao.choose(await browser.begin(), person=YEON)
    here.kakao.kakao.faults = Faults(status=503, calls=frozenset({Call.TOKEN}))

    answer = await browser.come_back(brought)

    assert isinstance(answer, Page)
    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) >= 1
    assert browser.cookies == {}
    assert here.counted == ["unavailable"]
