"""Signing in with Entra ID, and signing out (OpenID Connect Core §3.1, OAuth 2.0 RFC 9700 §2.1)."""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Final

from web.cookies import SealedCookie
from web.operator_sessions import OperatorSessions
from web.pages.attempts import attempt_of
from web.pages.operator_problems import problem_of_operators
from web.ports import OperatorLogin, SignInAttempt, SignInRefused, SignInUnavailable
from web.visit import Answer, Done, Page, Place, Redirect, Visit

CALLBACK: Final = "/operators/login/callback"
REFUSED_BY_PERSON: Final = "access_denied"
# Those of Entra ID have some 1,500 characters.
LONGEST_CODE: Final = 4096


@dataclass(frozen=True)
class OperatorSignIn:
    """`cookie`: holds the attempt until Entra ID sends the browser back. `count`: of attempts, by outcome."""

    entra: OperatorLogin
    sessions: OperatorSessions
    cookie: SealedCookie
    count: Callable[[str], None]

    async def begin(self, visit: Visit) -> Answer:
        """GET /operators/login: to Entra ID."""
        attempt = SignInAttempt.new()
        try:
            url = await self.entra.authorization_url(f"{visit.origin}{CALLBACK}", attempt)
        except SignInUnavailable as error:
            return self._unavailable(error)
        return Redirect(elsewhere=url, cookies=(self.cookie.set(visit.origin, asdict(attempt)),))

    async def end(self, visit: Visit) -> Answer:
        """GET /operators/login/callback: back from Entra ID. The attempt is over, however it ends."""
        forget = self.cookie.end(visit.origin)
        attempt = attempt_of(visit, self.cookie)
        if attempt is None:
            return self._refused(forget)
        if visit.request.params.get("error") == REFUSED_BY_PERSON:
            self.count("refused")
            return Redirect(Place.OPERATORS, cookies=(forget,))
        code = visit.request.params.get("code", "")
        if not code or len(code) > LONGEST_CODE:
            return self._refused(forget)
        return await self._signed_in(visit, code, attempt, forget)

    async def _signed_in(self, visit: Visit, code: str, attempt: SignInAttempt, forget: str) -> Answer:
        try:
            token = await self.entra.token(code, f"{visit.origin}{CALLBACK}", attempt)
        except SignInRefused:
            return self._refused(forget)
        except SignInUnavailable as error:
            return self._unavailable(error, forget)
        try:
            begun = self.sessions.begin(visit.origin, token)
        except ValueError:
            self.count("refused")
            return problem_of_operators("token-too-long", 500, cookies=(forget,))
        self.count("signed-in")
        return Redirect(Place.OPERATORS, cookies=(forget, begun))

    async def sign_out(self, visit: Visit) -> Answer:
        """POST /operators/logout. Entra ID's own session goes on; it asks who signs in next."""
        return Redirect(Place.OPERATORS, Done.SIGNED_OUT, cookies=(self.sessions.end(visit.origin),))

    def _refused(self, forget: str) -> Page:
        self.count("refused")
        return problem_of_operators("sign-in", 400, cookies=(forget,))

    def _unavailable(self, error: SignInUnavailable, *cookies: str) -> Page:
        self.count("unavailable")
        headers = {"Retry-After": str(max(1, math.ceil(error.retry_after)))}
        return problem_of_operators("sign-in-unavailable", 503, headers, cookies)
