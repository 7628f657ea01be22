"""What signing in with Kakao and at Entra ID have in common (OpenID Connect Core 1.0 §3.1)."""

import asyncio
import hmac
import json
import logging
from collections.abc import Mapping
from typing import Any, Final

import aiohttp
import jwt

from shared.adapters.connections import Connections
from shared.adapters.issuer_keys import CachedIssuer, IssuerUnavailable
from shared.adapters.tokens import LEEWAY_SECONDS, LONGEST_TOKEN, TOKEN, Expected
from web.ports import SignInRefused, SignInUnavailable

log = logging.getLogger(__name__)

ALGORITHM: Final = "RS256"
"""By which both issuers sign. A token has no choice."""

NEEDED_CLAIMS: Final = ["iss", "aud", "sub", "exp", "iat", "nonce"]
# Bytes. Three tokens, and little else.
LONGEST_ANSWER: Final = 4 * LONGEST_TOKEN
# Seconds. Sooner, whoever tries again is one of too many.
SHORTEST_RETRY_AFTER: Final = 1
RETRY_AFTER: Final = 10

# The words say why in metrics and logs. The most special comes first.
_REASONS: Final = (
    (jwt.InvalidSignatureError, "signature"),
    (jwt.ExpiredSignatureError, "expired"),
    (jwt.ImmatureSignatureError, "from the future"),
    (jwt.InvalidAudienceError, "audience"),
    (jwt.InvalidIssuerError, "issuer"),
    (jwt.InvalidAlgorithmError, "algorithm"),
    (jwt.MissingRequiredClaimError, "incomplete"),
)


class NoAnswer(Exception):
    """The issuer did not answer as it should. The message says how, in words for logs, and names no value."""


class OpenIdProvider(Connections):
    """An issuer at which people sign in: where it is, what it answers, and its id tokens."""

    def __init__(self, published: CachedIssuer, expected: Expected) -> None:
        """`published`: what it says about itself. `expected`: of its id tokens; the audience is the client id."""
        self._published = published
        self._expected = expected

    async def endpoint(self, name: str) -> str:
        """The URL, such as that of `token_endpoint`. Raises SignInUnavailable."""
        try:
            found = await self._published.endpoint(name)
        except IssuerUnavailable as error:
            raise _unavailable(error) from None
        if found is None:
            log.error("%s names no %s of its own origin", self._expected.issuer, name)
            raise SignInUnavailable(f"there is no {name}", RETRY_AFTER)
        return found

    async def post(self, url: str, form: Mapping[str, str], seconds: float) -> tuple[int, Mapping[str, Any] | None]:
        """Status and JSON object of the answer to a form; None if it is no JSON object. Raises NoAnswer."""
        try:
            async with asyncio.timeout(seconds), self._open().post(url, data=form, allow_redirects=False) as response:
                return response.status, _object(await _read(response))
        except TimeoutError:
            raise NoAnswer("timeout") from None
        except (aiohttp.ClientError, OSError) as error:
            raise NoAnswer(f"no answer: {type(error).__name__}") from None

    async def claims(self, token: str, nonce: str) -> Mapping[str, Any]:
        """What a genuine id token says about who has signed in, if it was made for this attempt (§3.1.3.7).

        Raises SignInRefused with a word for the reason, SignInUnavailable.
        """
        if len(token) > LONGEST_TOKEN or not TOKEN.fullmatch(token):
            raise SignInRefused("malformed")
        try:
            kid = jwt.get_unverified_header(token).get("kid")
            key = await self._published.key(kid) if isinstance(kid, str) else None
            if key is None:
                raise SignInRefused("unknown key")
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                audience=self._expected.audience,
                issuer=self._expected.issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": NEEDED_CLAIMS, "strict_aud": True},
            )
        except IssuerUnavailable as error:
            raise _unavailable(error) from None
        except jwt.InvalidTokenError as error:
            reason = next((word for kind, word in _REASONS if isinstance(error, kind)), "malformed")
            raise SignInRefused(reason) from None
        # PyJWT does not look at the nonce.
        if not isinstance(claims["nonce"], str) or not hmac.compare_digest(claims["nonce"].encode(), nonce.encode()):
            raise SignInRefused("nonce")
        return claims


async def _read(response: aiohttp.ClientResponse) -> bytes:
    content = bytearray()
    async for part in response.content.iter_any():
        content += part
        if len(content) > LONGEST_ANSWER:
            raise NoAnswer("the answer is too long")
    return bytes(content)


def _object(content: bytes) -> Mapping[str, Any] | None:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _unavailable(error: IssuerUnavailable) -> SignInUnavailable:
    return SignInUnavailable("the keys are not known", max(error.retry_after, SHORTEST_RETRY_AFTER))
