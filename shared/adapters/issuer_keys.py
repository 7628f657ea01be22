"""What an issuer of tokens says about itself: its keys and endpoints, found by OpenID Connect Discovery, and cached."""

import asyncio
import json
import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeGuard
from urllib.parse import urlsplit

import aiohttp
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWTError
from jwt.algorithms import RSAAlgorithm

from shared.adapters.connections import Connections
from shared.domain.errors import Unavailable

log = logging.getLogger(__name__)

# Seconds. Anybody can send a token with an unknown key: that must not become a flood of calls.
REFETCH_PAUSE: Final = 300
# Seconds after which the keys are asked for again, so that a withdrawn one is no longer accepted.
FRESH: Final = 3600
# Seconds between attempts while there are no keys at all, and nobody can be let in.
FIRST_FETCH_PAUSE: Final = 5
# Bytes. The keys of Entra ID have some 20,000, with their certificates.
LONGEST_DOCUMENT: Final = 1_000_000
SMALLEST_KEY: Final = 2048  # bits (RFC 7518 §3.3)
ENDPOINT: Final = "_endpoint"
"""How the names of a configuration's endpoints end (OpenID Connect Discovery 1.0 §3)."""


class IssuerUnavailable(Unavailable):
    """The issuer does not respond, and what is asked for is not known without it."""


class FetchFailed(Exception):
    """What the issuer says about itself could not be fetched. The message names no value."""


@dataclass(frozen=True)
class Published:
    """`keys`: by their `kid`, at least one. `endpoints`: URLs of the issuer's own origin, by their names."""

    keys: Mapping[str, RSAPublicKey]
    endpoints: Mapping[str, str]


class Issuer(Protocol):
    """Where the keys and endpoints come from."""

    async def fetch(self) -> Published:
        """All that there is. Raises FetchFailed."""


class CachedIssuer:
    """The keys and endpoints of an issuer. While it does not respond, what is known stays valid."""

    def __init__(self, issuer: Issuer, name: str, clock: Callable[[], float]) -> None:
        """`name`: for people, such as Entra ID. `clock`: seconds, monotonic."""
        self._issuer = issuer
        self._name = name
        self._clock = clock
        self._published = Published({}, {})
        self._fetched_at = -math.inf
        self._tried_at = -math.inf
        self._failed = False
        self._fetching: asyncio.Task[None] | None = None

    async def key(self, kid: str) -> RSAPublicKey | None:
        """The key, or None if the issuer has no such key, as far as it may be asked. Raises IssuerUnavailable."""
        return await self._find(kid, lambda published: published.keys)

    async def endpoint(self, name: str) -> str | None:
        """The URL, such as that of `token_endpoint`, or None if the issuer has none. Raises IssuerUnavailable."""
        return await self._find(name, lambda published: published.endpoints)

    async def _find[Found](self, name: str, among: Callable[[Published], Mapping[str, Found]]) -> Found | None:
        if name not in among(self._published) or self._clock() - self._fetched_at >= FRESH:
            await self._refresh()
        found = among(self._published).get(name)
        if found is None and self._failed:
            raise IssuerUnavailable(f"The keys of {self._name} could not be fetched.", max(0, self._pause_left()))
        return found

    async def _refresh(self) -> None:
        """Fetches all anew, unless it was fetched a moment ago. All who need it wait for the same attempt."""
        if self._fetching is None:
            if self._pause_left() > 0:
                return
            self._tried_at = self._clock()
            self._fetching = asyncio.create_task(self._fetch(), name=f"fetch the keys of {self._name}")
        # One who gives up waiting must not end it for the others.
        await asyncio.shield(self._fetching)

    def _pause_left(self) -> float:
        pause = REFETCH_PAUSE if self._published.keys else FIRST_FETCH_PAUSE
        return self._tried_at + pause - self._clock()

    async def _fetch(self) -> None:
        self._failed = True
        try:
            self._published = await self._issuer.fetch()
        except FetchFailed as failure:
            log.warning("the keys of %s could not be fetched: %s", self._name, failure)
        else:
            self._failed = False
            self._fetched_at = self._clock()
        finally:
            self._fetching = None


class OpenIdIssuer(Connections):
    """An issuer over HTTP (OpenID Connect Discovery 1.0 §4)."""

    def __init__(self, issuer: str, timeout_seconds: float) -> None:
        """`issuer`: its URL, which it states as its own. `timeout_seconds`: for both documents together."""
        self._issuer = issuer
        self._timeout_seconds = timeout_seconds

    async def fetch(self) -> Published:
        """All keys for signatures, and the endpoints. Raises FetchFailed."""
        try:
            async with asyncio.timeout(self._timeout_seconds):
                configuration = await self._get(f"{self._issuer}/.well-known/openid-configuration")
                if configuration.get("issuer") != self._issuer:
                    raise FetchFailed("the configuration is that of another issuer than the settings name")
                keys_url = configuration.get("jwks_uri")
                if not self._is_own(keys_url):
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
        endpoints = {
            name: value for name, value in configuration.items() if name.endswith(ENDPOINT) and self._is_own(value)
        }
        return Published(found, endpoints)

    def _is_own(self, url: object) -> TypeGuard[str]:
        """Whether it is of the issuer's origin: secrets and people are sent nowhere else."""
        return isinstance(url, str) and _origin(url) == _origin(self._issuer)

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
