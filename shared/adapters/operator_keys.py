"""The keys by which Entra ID signs operators' tokens: found by OpenID Connect Discovery, and cached."""

import asyncio
import json
import logging
import math
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import aiohttp
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWTError
from jwt.algorithms import RSAAlgorithm

from shared.domain.errors import Unavailable

log = logging.getLogger(__name__)

# Seconds. Anybody can send a token with an unknown key: that must not become a flood of calls.
REFETCH_PAUSE: Final = 300
# Seconds after which the keys are asked for again, so that a withdrawn one is no longer accepted.
FRESH: Final = 3600
# Seconds between attempts while there are no keys at all, and no operator can be let in.
FIRST_FETCH_PAUSE: Final = 5
# Bytes. The keys of Entra ID have some 20,000, with their certificates.
LONGEST_DOCUMENT: Final = 1_000_000
SMALLEST_KEY: Final = 2048  # bits (RFC 7518 §3.3)


class OperatorKeysUnavailable(Unavailable):
    """Entra ID does not respond, and the key of a token is not known without it."""


class FetchFailed(Exception):
    """The keys could not be fetched. The message names no value."""


class Issuer(Protocol):
    """Where the keys come from."""

    async def fetch(self) -> Mapping[str, RSAPublicKey]:
        """All keys by their `kid`, at least one. Raises FetchFailed."""


class CachedOperatorKeys:
    """The keys of an issuer. While it does not respond, the keys that are known stay valid."""

    def __init__(self, issuer: Issuer, clock: Callable[[], float]) -> None:
        """`clock`: seconds, monotonic."""
        self._issuer = issuer
        self._clock = clock
        self._keys: Mapping[str, RSAPublicKey] = {}
        self._fetched_at = -math.inf
        self._tried_at = -math.inf
        self._failed = False
        self._fetching: asyncio.Task[None] | None = None

    async def key(self, kid: str) -> RSAPublicKey | None:
        """The key, or None if the issuer has no such key, as far as it may be asked. Raises OperatorKeysUnavailable."""
        if kid not in self._keys or self._clock() - self._fetched_at >= FRESH:
            await self._refresh()
        found = self._keys.get(kid)
        if found is None and self._failed:
            raise OperatorKeysUnavailable("The keys of Entra ID could not be fetched.", max(0, self._pause_left()))
        return found

    async def _refresh(self) -> None:
        """Fetches the keys, unless they were fetched a moment ago. All who need them wait for the same attempt."""
        if self._fetching is None:
            if self._pause_left() > 0:
                return
            self._tried_at = self._clock()
            self._fetching = asyncio.create_task(self._fetch(), name="fetch the keys of Entra ID")
        # One who gives up waiting must not end it for the others.
        await asyncio.shield(self._fetching)

    def _pause_left(self) -> float:
        pause = REFETCH_PAUSE if self._keys else FIRST_FETCH_PAUSE
        return self._tried_at + pause - self._clock()

    async def _fetch(self) -> None:
        self._failed = True
        try:
            self._keys = await self._issuer.fetch()
        except FetchFailed as failure:
            log.warning("the keys of Entra ID could not be fetched: %s", failure)
        else:
            self._failed = False
            self._fetched_at = self._clock()
        finally:
            self._fetching = None


class EntraId:
    """Entra ID over HTTP (OpenID Connect Discovery 1.0 §4)."""

    def __init__(self, issuer: str, timeout_seconds: float) -> None:
        """`timeout_seconds`: for both documents together."""
        self._issuer = issuer
        self._timeout_seconds = timeout_seconds
        self._session: aiohttp.ClientSession | None = None

    async def fetch(self) -> Mapping[str, RSAPublicKey]:
        """All keys for signatures by their `kid`, at least one. Raises FetchFailed."""
        try:
            async with asyncio.timeout(self._timeout_seconds):
                configuration = await self._get(f"{self._issuer}/.well-known/openid-configuration")
                if configuration.get("issuer") != self._issuer:
                    raise FetchFailed("the configuration is that of another issuer than OPERATOR_ISSUER")
                keys_url = configuration.get("jwks_uri")
                if not isinstance(keys_url, str) or _origin(keys_url) != _origin(self._issuer):
                    raise FetchFailed("the keys are not where the issuer is")
                document = await self._get(keys_url)
        except TimeoutError:
            raise FetchFailed("no answer in time") from None
        except (aiohttp.ClientError, OSError) as error:
            raise FetchFailed(type(error).__name__) from None
        keys = document.get("keys")
        found = dict(filter(None, map(_public_key, keys if isinstance(keys, list) else [])))
        if not found:
            raise FetchFailed("there are no keys in the answer")
        return found

    async def _get(self, url: str) -> Mapping[str, Any]:
        async with self._open().get(url, allow_redirects=False) as response:
            if response.status != 200:
                raise FetchFailed(f"status {response.status}")
            content = bytearray()
            async for part in response.content.iter_any():
                content += part
                if len(content) > LONGEST_DOCUMENT:
                    raise FetchFailed("the answer is too long")
        try:
            document = json.loads(content)
        except (ValueError, RecursionError):
            raise FetchFailed("the answer is not JSON") from None
        if not isinstance(document, dict):
            raise FetchFailed("the answer is not a JSON object")
        return document

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            # `fetch` limits the whole time.
            timeout = aiohttp.ClientTimeout(total=None)
            self._session = aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar())
        return self._session

    async def close(self) -> None:
        """Closes the connections; the next fetch opens others."""
        session, self._session = self._session, None
        if session:
            await session.close()


def _origin(url: str) -> tuple[str, str] | None:
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return parts.scheme, parts.netloc


def _public_key(entry: object) -> tuple[str, RSAPublicKey] | None:
    """The key of an entry of a JWKS, or None if it is none for RS256 (RFC 7517 §5: others are ignored)."""
    if not isinstance(entry, dict) or entry.get("kty") != "RSA" or entry.get("use", "sig") != "sig":
        return None
    kid = entry.get("kid")
    if not isinstance(kid, str) or entry.get("alg", "RS256") != "RS256":
        return None
    try:
        key = RSAAlgorithm.from_jwk(entry)
    except (PyJWTError, ValueError, TypeError):
        return None
    return (kid, key) if isinstance(key, RSAPublicKey) and key.key_size >= SMALLEST_KEY else None
