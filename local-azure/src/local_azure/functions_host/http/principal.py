"""Who calls, as App Service tells an app: in headers that only the platform sets."""

import base64
import json
import logging
import time
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from local_azure.functions_host.errors import StartError
from local_azure.functions_host.http.responses import Response, empty
from local_azure.identity.key import PUBLIC_KEY, public_key

logger = logging.getLogger(__name__)

# Of the platform, also with underscores: frameworks that pass headers on as variables (WSGI) cannot tell them apart.
RESERVED = ("x-ms-client-principal", "x-ms-token")
PROVIDER = "aad"
SCHEME = "bearer"
# An app has a few callers, each with a new token every twelve hours.
KEPT_TOKENS = 256
# Of a token, by the names that the platform gives them; the others keep theirs.
CLAIM_TYPES = {
    "oid": "http://schemas.microsoft.com/identity/claims/objectidentifier",
    "sub": "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier",
    "tid": "http://schemas.microsoft.com/identity/claims/tenantid",
}
NAME_TYPE = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name"
ROLE_TYPE = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"


def is_reserved(name: str) -> bool:
    """Whether only the platform may set this header, whose name is in lower case."""
    return name.startswith("x") and name.replace("_", "-").startswith(RESERVED)


@dataclass(frozen=True, slots=True)
class Principal:
    """Whom a token names. `headers`: those that the app gets. `until`: seconds since 1970."""

    headers: Mapping[str, str]
    until: float


class Authentication:
    """App Service authentication: verifies who calls, and refuses calls that it must."""

    def __init__(self, audience: str, state: Path, *, anonymous: bool, clock: Callable[[], float] = time.time) -> None:
        """`state`: the folder with the key of the stack. `anonymous`: whether calls without a token reach the app.

        Raises StartError.
        """
        # Takes 0.15 s; most apps have no authentication.
        from jwt import InvalidTokenError  # noqa: PLC0415

        from local_azure.identity.tokens import LEEWAY, verified  # noqa: PLC0415

        self._anonymous = anonymous
        self._clock = clock
        self._not_valid = InvalidTokenError
        try:
            key = public_key(state)
        except OSError as error:
            raise StartError(f"{state / PUBLIC_KEY}: {error.strerror}; start the app with local-azure up") from None

        # Only what is valid is kept, so nobody can push genuine tokens out.
        @lru_cache(KEPT_TOKENS)
        def principal(token: str) -> Principal:
            claims = verified(token, key, audience)
            return Principal(_headers(claims), claims["exp"] + LEEWAY)

        self._principal = principal

    def refusal(self, headers: MutableMapping[str, str]) -> Response | None:
        """The answer if the call must not reach the app; None: it may, and `headers` say who calls."""
        authorization = headers.get("authorization")
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != SCHEME:
            return None if self._anonymous else _unauthorized(headers, "")
        try:
            principal = self._principal(token.strip(" "))
        except self._not_valid as error:
            logger.warning("a call was refused with 401: %s", type(error).__name__)
            return _unauthorized(headers, ', error="invalid_token"')
        if principal.until <= self._clock():
            return _unauthorized(headers, ', error="invalid_token"')
        headers.update(principal.headers)
        return None


def _headers(claims: Mapping[str, Any]) -> dict[str, str]:
    content = {
        "auth_typ": PROVIDER,
        "claims": [{"typ": CLAIM_TYPES.get(name, name), "val": str(value)} for name, value in claims.items()],
        "name_typ": NAME_TYPE,
        "role_typ": ROLE_TYPE,
    }
    return {
        "x-ms-client-principal": base64.b64encode(json.dumps(content).encode()).decode(),
        "x-ms-client-principal-id": str(claims["oid"]),
        "x-ms-client-principal-idp": PROVIDER,
    }


def _unauthorized(headers: Mapping[str, str], reason: str) -> Response:
    """RFC 6750 §3. The connection stays open: it is not an attack to have a token that has expired."""
    challenge = f'Bearer realm="{headers["host"]}"{reason}'
    return empty(401, [(b"www-authenticate", challenge.encode("latin-1"))])
