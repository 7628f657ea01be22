"""Entra ID as an OpenID provider: the authorization code flow with PKCE, where this app proves itself by its identity.

The managed identity is a federated identity credential of the app registration: its token for `ASSERTION_SCOPE` is
the client assertion (RFC 7523 §2.2), so there is no secret.
"""

import asyncio
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Protocol
from urllib.parse import urlencode

import jwt
from azure.core.credentials import AccessToken
from azure.core.exceptions import AzureError

from shared.adapters.circuit_breaker import CircuitBreaker, CircuitOpen, Limits
from shared.adapters.issuer_keys import CachedIssuer
from shared.adapters.tokens import LONGEST_TOKEN, TOKEN, Expected
from shared.telemetry import span
from web.adapters.openid import NoAnswer, OpenIdProvider
from web.ports import OperatorToken, SignInAttempt, SignInRefused, SignInUnavailable

log = logging.getLogger(__name__)

ASSERTION_SCOPE: Final = "api://AzureADTokenExchange/.default"
ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

# A few operators sign in: five failures in a row are an outage. Seconds.
LIMITS: Final = Limits(failures=5, reset_seconds=10, reconnect_seconds=1)
RETRY_AFTER: Final = 10

LONGEST_NAME: Final = 100
# The numbers of Entra ID have seven digits or so.
MOST_CODE: Final = 10**9
# RFC 6749 §5.2: what is wrong with this attempt. Any other error is about this app or Entra ID, and another attempt
# would end the same.
ERRORS_OF_ATTEMPT: Final = frozenset({"invalid_grant", "interaction_required", "consent_required", "access_denied"})


class Credential(Protocol):
    """Gives access tokens, as the credentials of azure-identity do."""

    async def get_token(self, *scopes: str) -> AccessToken:
        """A token that is valid now. Raises AzureError."""


class EntraLogin:
    """One for each process."""

    def __init__(
        self, published: CachedIssuer, expected: Expected, credential: Credential, timeout_seconds: float
    ) -> None:
        """`published`: what Entra ID says about itself. `expected`: of its id tokens; the audience is the client id."""
        self._provider = OpenIdProvider(published, expected)
        self._client_id = expected.audience
        self._credential = credential
        self._timeout_seconds = timeout_seconds
        self._breaker = CircuitBreaker("entra", LIMITS)

    async def authorization_url(self, redirect_uri: str, attempt: SignInAttempt) -> str:
        """Where the browser goes to sign in. Raises SignInUnavailable."""
        parameters = {
            "client_id": self._client_id,
            "response_type": "code",
            "response_mode": "query",
            "redirect_uri": redirect_uri,
            "scope": self._scope,
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": attempt.challenge,
            "code_challenge_method": "S256",
            # Several people may use one computer.
            "prompt": "select_account",
        }
        return f"{await self._provider.endpoint('authorization_endpoint')}?{urlencode(parameters)}"

    async def token(self, code: str, redirect_uri: str, attempt: SignInAttempt) -> OperatorToken:
        """The token of who has signed in. Raises SignInRefused, SignInUnavailable."""
        url = await self._provider.endpoint("token_endpoint")
        form = {
            "grant_type": "authorization_code",
            "client_id": self._client_id,
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": attempt.verifier,
            "scope": self._scope,
            "client_assertion_type": ASSERTION_TYPE,
        }
        with span("POST token of Entra ID"):
            try:
                async with self._breaker.attempt(SignInRefused):
                    answer = await self._exchange(url, form)
            except CircuitOpen as circuit:
                raise SignInUnavailable("Entra ID has not responded", circuit.retry_after) from None
            except NoAnswer as failure:
                log.warning("Entra ID gave no token: %s", failure)
                raise SignInUnavailable("Entra ID gave no token", RETRY_AFTER) from None
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise SignInRefused("there is no id token")
        claims = await self._provider.claims(token, attempt.nonce)
        return _operator_token(answer.get("access_token"), _name(claims))

    @property
    def _scope(self) -> str:
        return f"openid profile {self._client_id}/.default"

    async def _exchange(self, url: str, form: Mapping[str, str]) -> Mapping[str, Any]:
        """Raises SignInRefused, NoAnswer."""
        content = {**form, "client_assertion": await self._assertion()}
        status, found = await self._provider.post(url, content, self._timeout_seconds)
        answer = found or {}
        if status == 200:
            return answer
        error = answer.get("error")
        codes = _numbers(answer.get("error_codes"))
        if status in (400, 401) and isinstance(error, str) and error in ERRORS_OF_ATTEMPT:
            raise SignInRefused(f"Entra ID refuses: {codes}")
        raise NoAnswer(f"status {status}, AADSTS {codes}")

    async def _assertion(self) -> str:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return (await self._credential.get_token(ASSERTION_SCOPE)).token
        except TimeoutError:
            raise NoAnswer("no token of the managed identity in time") from None
        except AzureError as error:
            raise NoAnswer(f"no token of the managed identity: {type(error).__name__}") from None

    async def close(self) -> None:
        """Closes the connections; the next call opens others."""
        await self._provider.close()


def _numbers(codes: object) -> list[int]:
    """Those of Entra ID's own errors: anything else might repeat what was sent, and is not logged."""
    return [code for code in codes if type(code) is int and code < MOST_CODE] if isinstance(codes, list) else []


def _name(claims: Mapping[str, Any]) -> str:
    name = claims.get("name") or claims.get("preferred_username")
    return name[:LONGEST_NAME] if isinstance(name, str) else ""


def _operator_token(token: object, name: str) -> OperatorToken:
    """The apps verify it. Here only its end is read. Raises SignInRefused."""
    if not isinstance(token, str) or len(token) > LONGEST_TOKEN or not TOKEN.fullmatch(token):
        raise SignInRefused("there is no access token")
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
        expires_at = datetime.fromtimestamp(int(claims["exp"]), UTC)
    except (jwt.InvalidTokenError, KeyError, TypeError, ValueError, OverflowError, OSError):
        raise SignInRefused("the access token does not say when it ends") from None
    return OperatorToken(token, expires_at, name)
