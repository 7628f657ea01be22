"""Signing in with Kakao, and signing out (OpenID Connect Core §3.1, OAuth 2.0 RFC 9700 §2.1)."""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Final

from web.cookies import SealedCookie
from web.pages.attempts import attempt_of
from web.ports import KakaoLogin, SignInAttempt, SignInRefused, SignInUnavailable
from web.sessions import Sessions
from web.visit import Answer, Done, Page, Place, Redirect, Visit

CALLBACK: Final = "/login/callback"
REFUSED_BY_PERSON: Final = "access_denied"
LONGEST_CODE: Final = 2048


@dataclass(frozen=True)
class SignIn:
    """`cookie`: holds the attempt until Kakao sends the browser back. `count`: of attempts, by outcome."""

    kakao: KakaoLogin
    sessions: Sessions
    cookie: SealedCookie
    count: Callable[[str], None]

    async def begin(self, visit: Visit) -> Answer:
        """GET /login: to Kakao. Whoever has signed in already goes to their own page."""
        if visit.session:
            return Redirect(Place.MY)
        attempt = SignInAttempt.new()
        try:
            url = await self.kakao.authorization_url(f"{visit.origin}{CALLBACK}", attempt)
        except SignInUnavailable as error:
            return self._unavailable(error)
        return Redirect(elsewhere=url, cookies=(self.cookie.set(visit.origin, asdict(attempt)),))

    async def end(self, visit: Visit) -> Answer:
        """GET /login/callback: back from Kakao. The attempt is over, however it ends."""
        forget = self.cookie.end(visit.origin)
        attempt = attempt_of(visit, self.cookie)
        parameters = visit.request.params
        if attempt is None:
            # A second click: the first one has signed them in.
            return Redirect(Place.MY, cookies=(forget,)) if visit.session else self._refused(forget)
        if parameters.get("error") == REFUSED_BY_PERSON:
            self.count("refused")
            return Redirect(Place.START, cookies=(forget,))
        code = parameters.get("code", "")
        if not code or len(code) > LONGEST_CODE:
            return self._refused(forget)
        try:
            subject = await self.kakao.subject(code, f"{visit.origin}{CALLBACK}", attempt)
        except SignInRefused:
            return self._refused(forget)
        except SignInUnavailable as error:
            return self._unavailable(error, forget)
        self.count("signed-in")
        return Redirect(Place.MY, cookies=(forget, self.sessions.begin(visit.origin, subject)))

    async def sign_out(self, visit: Visit) -> Answer:
        """POST /logout."""
        return Redirect(Place.START, Done.SIGNED_OUT, cookies=(self.sessions.end(visit.origin),))

    def _refused(self, forget: str) -> Answer:
        self.count("refused")
        return Page("error.html", {"name": "sign-in", "trace": ""}, 400, cookies=(forget,))

    def _unavailable(self, error: SignInUnavailable, *cookies: str) -> Answer:
        self.count("unavailable")
        headers = {"Retry-After": str(max(1, math.ceil(error.retry_after)))}
        return Page("error.html", {"name": "sign-in-unavailable", "trace": ""}, 503, headers, cookies)
