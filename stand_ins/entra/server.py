"""The stand-in's paths: discovery, keys and tokens as at Entra ID, and one of its own that changes the key."""

import json
import re
import secrets
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from aiohttp import web

from stand_ins.entra.tokens import TOKEN_SECONDS, Person, SigningKey, access_token

HOST: Final = "127.0.0.1"
DEFAULT_PORT: Final = 9100
DEFAULT_TENANT: Final = "0f0e0d0c-0b0a-4000-8000-000000000000"
DEFAULT_AUDIENCE: Final = "0f0e0d0c-0b0a-4000-8000-000000000001"
"""The client id of the app registration whose API the tokens are for."""

ROTATE_PATH: Final = "/stand-in/rotate"
NAME: Final = re.compile(r"[a-z0-9.-]{1,64}")
SCOPE_END: Final = "/.default"


class EntraStandIn:
    """One tenant. It signs with its newest key, and publishes that and the one before it."""

    def __init__(self, port: int, tenant: str = DEFAULT_TENANT, audience: str = DEFAULT_AUDIENCE) -> None:
        """`port`: where it is reached, since the issuer's name has the port in it."""
        self._tenant = tenant
        self._audience = audience
        self._base = f"http://{HOST}:{port}/{tenant}"
        self._keys = [SigningKey()]

    @property
    def issuer(self) -> str:
        """OPERATOR_ISSUER of the apps."""
        return f"{self._base}/v2.0"

    def app(self) -> web.Application:
        """The application, to be served at HOST and the port."""
        app = web.Application()
        app.router.add_get("/{tenant}/v2.0/.well-known/openid-configuration", self._configuration)
        app.router.add_get("/{tenant}/discovery/v2.0/keys", self._published)
        app.router.add_post("/{tenant}/oauth2/v2.0/token", self._token)
        app.router.add_post(ROTATE_PATH, self._rotate)
        return app

    async def _configuration(self, request: web.Request) -> web.Response:
        self._check_tenant(request)
        return web.json_response(
            {
                "token_endpoint": f"{self._base}/oauth2/v2.0/token",
                "token_endpoint_auth_methods_supported": ["client_secret_post"],
                "jwks_uri": f"{self._base}/discovery/v2.0/keys",
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "issuer": self.issuer,
                "tenant_region_scope": "AS",
            }
        )

    async def _published(self, request: web.Request) -> web.Response:
        self._check_tenant(request)
        return web.json_response({"keys": [key.jwk(self.issuer) for key in self._keys]})

    async def _token(self, request: web.Request) -> web.Response:
        """The password grant, in which any password is right; `role`, repeated, is the stand-in's own field."""
        self._check_tenant(request)
        form = await request.post()
        if form.get("grant_type") != "password":
            raise _error("unsupported_grant_type", 70003, "The app requested an unsupported grant type.")
        if form.get("scope") != f"{self._audience}{SCOPE_END}":
            raise _error("invalid_scope", 70011, "The provided value for the input parameter 'scope' is not valid.")
        name = form.get("username")
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise _error("invalid_grant", 50034, "The user account does not exist in the directory.")
        roles = [role for role in form.getall("role", []) if isinstance(role, str)]
        return web.json_response(
            {
                "token_type": "Bearer",
                "scope": form["scope"],
                "expires_in": TOKEN_SECONDS,
                "ext_expires_in": TOKEN_SECONDS,
                "access_token": self.access_token(name, roles),
            },
            headers={"Cache-Control": "no-store"},
        )

    def access_token(self, name: str, roles: Sequence[str]) -> str:
        """A token of the person with this name."""
        return access_token(self._keys[0], self.issuer, self._audience, Person(self._tenant, name), roles)

    async def _rotate(self, request: web.Request) -> web.Response:
        self.rotate()
        return web.Response(status=204)

    def rotate(self) -> None:
        """Signs with a new key from now on. The one before it is published until the next time."""
        self._keys = [SigningKey(), self._keys[0]]

    def _check_tenant(self, request: web.Request) -> None:
        tenant = request.match_info["tenant"]
        if tenant != self._tenant:
            raise _error("invalid_tenant", 90002, "Tenant not found.")


def _error(name: str, code: int, text: str) -> web.HTTPBadRequest:
    """An error as Entra ID words it."""
    body = {
        "error": name,
        "error_description": f"AADSTS{code}: {text}",
        "error_codes": [code],
        "timestamp": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%SZ"),
        "trace_id": str(uuid.UUID(bytes=secrets.token_bytes(16))),
        "correlation_id": str(uuid.UUID(bytes=secrets.token_bytes(16))),
    }
    return web.HTTPBadRequest(text=json.dumps(body), content_type="application/json")
