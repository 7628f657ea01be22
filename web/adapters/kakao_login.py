"""Signing in with Kakao, as a relying party of OpenID Connect with PKCE (RFC 7636).

Kakao's tokens are used once, here, to learn who has signed in; nothing keeps them.
"""

import logging
import re
import time
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlencode

from opentelemetry import trace
from opentelemetry.trace import SpanKind

from shared.adapters.circuit_breaker import CircuitBreaker, CircuitOpen, Limits
from shared.adapters.issuer_keys import CachedIssuer, OpenIdIssuer
from shared.adapters.tokens import Expected
from shared.domain.callers import SUBJECT
from shared.telemetry import span
from shared.web_settings import WebSettings
from web.adapters.openid import SHORTEST_RETRY_AFTER, NoAnswer, OpenIdProvider
from web.ports import SignInAttempt, SignInRefused, SignInUnavailable

log = logging.getLogger(__name__)

TOO_MANY_REQUESTS: Final = "KOE237"
# What a log shows of an error of Kakao: its description may repeat the code that was sent.
WORD: Final = re.compile(r"[A-Za-z0-9_-]{1,40}")


class KakaoLoginClient:
    """Kakao, or the stand-in: whatever issuer KAKAO_LOGIN_ISSUER names. One for each process."""

    def __init__(self, settings: WebSettings, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock`: seconds, monotonic."""
        self._settings = settings
        self._client_id = settings.kakao_login_client_id or ""
        self._issuer = OpenIdIssuer(settings.kakao_login_issuer, settings.kakao_login_timeout_seconds)
        published = CachedIssuer(self._issuer, "Kakao Login", clock)
        self._provider = OpenIdProvider(published, Expected(settings.kakao_login_issuer, self._client_id))
        self._retry_after = settings.kakao_login_breaker_reset_seconds
        limits = Limits(settings.kakao_login_breaker_failures, self._retry_after, self._retry_after)
        self._breaker = CircuitBreaker("kakao-login", limits, clock)

    async def authorization_url(self, redirect_uri: str, attempt: SignInAttempt) -> str:
        """Where the browser goes. Raises SignInUnavailable.

        It names no `scope`: Kakao then asks for what its console has, and refuses nobody for what it has not (KOE205).
        """
        query = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": redirect_uri,
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": attempt.challenge,
            "code_challenge_method": "S256",
        }
        return f"{await self._provider.endpoint('authorization_endpoint')}?{urlencode(query)}"

    async def subject(self, code: str, redirect_uri: str, attempt: SignInAttempt) -> str:
        """Who has signed in: Kakao's number for the person in this app. Raises SignInRefused, SignInUnavailable."""
        form = {
            "grant_type": "authorization_code",
            "client_id": self._client_id,
            "redirect_uri": redirect_uri,
            "code": code,
            "code_verifier": attempt.verifier,
        }
        secret = self._settings.kakao_login_client_secret
        if secret:
            form["client_secret"] = secret.get_secret_value()
        answer = await self._exchange(await self._provider.endpoint("token_endpoint"), form)
        token = answer.get("id_token")
        if not isinstance(token, str):
            log.error("Kakao sent no id token: is OpenID Connect switched on for the app at Kakao Developers?")
            raise SignInUnavailable("no id token", self._retry_after)
        try:
            return await self._subject_of(token, attempt)
        except SignInRefused as refused:
            log.warning("an id token of Kakao was not accepted: %s", refused)
            raise

    async def _subject_of(self, token: str, attempt: SignInAttempt) -> str:
        claims = await self._provider.claims(token, attempt.nonce)
        if not SUBJECT.fullmatch(claims["sub"]):
            raise SignInRefused("subject")
        return str(claims["sub"])

    async def _exchange(self, url: str, form: Mapping[str, str]) -> Mapping[str, Any]:
        """What Kakao gives for the code, in KAKAO_LOGIN_TIMEOUT_SECONDS. Raises SignInRefused, SignInUnavailable."""
        try:
            with span("POST", SpanKind.CLIENT, http_request_method="POST", url_full=url):
                async with self._breaker.attempt(SignInRefused, SignInUnavailable):
                    return await self._post(url, form)
        except CircuitOpen as circuit:
            raise SignInUnavailable("circuit open", max(circuit.retry_after, SHORTEST_RETRY_AFTER)) from None
        except NoAnswer as failure:
            log.warning("Kakao could not sign somebody in: %s", failure)
            raise SignInUnavailable(str(failure), self._retry_after) from None

    async def _post(self, url: str, form: Mapping[str, str]) -> Mapping[str, Any]:
        status, answer = await self._provider.post(url, form, self._settings.kakao_login_timeout_seconds)
        trace.get_current_span().set_attribute("http.response.status_code", status)
        if status >= 500:
            raise NoAnswer(f"status {status}")
        if answer is None:
            raise NoAnswer("the answer is no JSON object")
        if status == 200:
            return answer
        raise self._refusal(status, answer)

    def _refusal(self, status: int, answer: Mapping[str, Any]) -> Exception:
        """Only `invalid_grant` is about this attempt (RFC 6749 §5.2): the code is used up, old, or somebody else's."""
        error, code = _word(answer.get("error")), _word(answer.get("error_code"))
        if status == 429 or code == TOO_MANY_REQUESTS:
            return NoAnswer("too many requests")
        if error == "invalid_grant":
            return SignInRefused("code")
        # Not a failure of Kakao: it does not accept how this service calls it. So it does not open the circuit.
        log.error("Kakao refuses to exchange codes: status %d, %s, %s; see docs/kakao-login.md", status, error, code)
        return SignInUnavailable("not taken", self._retry_after)

    async def close(self) -> None:
        """Closes the connections; the next call opens others."""
        await self._provider.close()
        await self._issuer.close()


def _word(value: object) -> str:
    return value if isinstance(value, str) and WORD.fullmatch(value) else "none"
