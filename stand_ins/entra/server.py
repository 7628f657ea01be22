"""The stand-in's paths: discovery, keys, signing in and tokens as at Entra ID, and one of its own to change the key."""

import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import web
from multidict import MultiDict, MultiMapping

from stand_ins.entra.authorization import PARAMETERS, Client, Codes, Grant
from stand_ins.entra.refusals import Refusal
from stand_ins.entra.sign_in_page import HEADERS, refusal_page, sign_in_page
from stand_ins.entra.tokens import TOKEN_SECONDS, Person, SigningKey, access_token, id_token

HOST: Final = "127.0.0.1"
DEFAULT_PORT: Final = 9100
DEFAULT_TENANT: Final = "0f0e0d0c-0b0a-4000-8000-000000000000"
DEFAULT_AUDIENCE: Final = "0f0e0d0c-0b0a-4000-8000-000000000001"
"""The client id of the app registration: people sign in to it, and the tokens are for its API."""

DEFAULT_CLIENT: Final = Client(DEFAULT_AUDIENCE)

ROTATE_PATH: Final = "/stand-in/rotate"
NAME: Final = re.compile(r"[a-z0-9.-]{1,64}")
SCOPE_END: Final = "/.default"

type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class EntraStandIn:
    """One tenant with one app. It signs with its newest key, and publishes that and the one before it."""

    def __init__(
        self,
        port: int,
        tenant: str = DEFAULT_TENANT,
        client: Client = DEFAULT_CLIENT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`port`: where it is reached, since the issuer's name has the port in it. `clock`: seconds, monotonic."""
        self._tenant = tenant
        self._client = client
        self._base = f"http://{HOST}:{port}/{tenant}"
        self._keys = [SigningKey()]
        self._codes = Codes(clock)

    @property
    def issuer(self) -> str:
        """OPERATOR_ISSUER of the apps."""
        return f"{self._base}/v2.0"

    def app(self) -> web.Application:
        """The application, to be served at HOST and the port."""
        app = web.Application(middlewares=[_refusing])
        app.router.add_get("/{tenant}/v2.0/.well-known/openid-configuration", self._configuration)
        app.router.add_get("/{tenant}/discovery/v2.0/keys", self._published)
        app.router.add_get("/{tenant}/oauth2/v2.0/authorize", self._ask)
        app.router.add_post("/{tenant}/oauth2/v2.0/authorize", self._authorize)
        app.router.add_post("/{tenant}/oauth2/v2.0/token", self._token)
        app.router.add_post(ROTATE_PATH, self._rotate)
        return app

    async def _configuration(self, request: web.Request) -> web.Response:
        self._check_tenant(request)
        return web.json_response(
            {
                "authorization_endpoint": f"{self._base}/oauth2/v2.0/authorize",
                "token_endpoint": f"{self._base}/oauth2/v2.0/token",
                "token_endpoint_auth_methods_supported": ["private_key_jwt"],
                "jwks_uri": f"{self._base}/discovery/v2.0/keys",
                "response_modes_supported": ["query"],
                "response_types_supported": ["code"],
                "scopes_supported": ["openid", "profile"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "issuer": self.issuer,
                "tenant_region_scope": "AS",
            }
        )

    async def _published(self, request: web.Request) -> web.Response:
        self._check_tenant(request)
        return web.json_response({"keys": [key.jwk(self.issuer) for key in self._keys]})

    async def _ask(self, request: web.Request) -> web.Response:
        """The page on which a person is chosen."""
        return self._signing_in(request, request.query, lambda parameters: _html(sign_in_page(parameters)))

    async def _authorize(self, request: web.Request) -> web.Response:
        """Back to the app, with a code or with the news that somebody has cancelled."""
        form = _texts(await request.post())
        return self._signing_in(request, form, lambda parameters: self._answer_of_person(form, parameters))

    def _signing_in(
        self,
        request: web.Request,
        sent: MultiMapping[str],
        answer: Callable[[Mapping[str, str]], web.Response],
    ) -> web.Response:
        """Refusals that the app may be told go there; others are a page."""
        try:
            self._check_tenant(request)
            parameters = _once(sent)
            self._client.check_identity(parameters)
        except Refusal as refusal:
            return _html(refusal_page([refusal.description]), 400)
        try:
            self._client.request(parameters)
            return answer(parameters)
        except Refusal as refusal:
            refused = {"error": refusal.error, "error_description": refusal.description}
            return _back(parameters, refused)

    def _answer_of_person(self, form: MultiMapping[str], parameters: Mapping[str, str]) -> web.Response:
        """Raises Refusal."""
        if form.get("cancel"):
            raise Refusal("access_denied", 65004, "User declined to consent to access the app.")
        name = form.get("person", "")
        if not NAME.fullmatch(name):
            raise Refusal("access_denied", 50034, "The user account does not exist in the directory.")
        grant = Grant(self._client.request(parameters), Person(self._tenant, name, form.getall("role", [])))
        return _back(parameters, {"code": self._codes.new(grant)})

    async def _token(self, request: web.Request) -> web.Response:
        self._check_tenant(request)
        form = _texts(await request.post())
        match form.get("grant_type"):
            case "password":
                return self._by_password(form)
            case "authorization_code":
                return self._by_code(form)
            case _:
                raise Refusal("unsupported_grant_type", 70003, "The app requested an unsupported grant type.")

    def _by_password(self, form: MultiMapping[str]) -> web.Response:
        """The password grant, in which any password is right; `role`, repeated, is the stand-in's own field."""
        if form.get("scope") != self._client.api_scope:
            raise Refusal("invalid_scope", 70011, "The provided value for the input parameter 'scope' is not valid.")
        name = form.get("username", "")
        if not NAME.fullmatch(name):
            raise Refusal("invalid_grant", 50034, "The user account does not exist in the directory.")
        token = self.access_token(name, form.getall("role", []))
        return _issued(form["scope"], {"access_token": token})

    def _by_code(self, form: MultiMapping[str]) -> web.Response:
        """The authorization code grant."""
        parameters = dict(form.items())
        self._client.authenticate(parameters)
        grant = self._codes.redeem(parameters)
        signed = (self._keys[0], self.issuer, grant.request.client_id, grant.person)
        tokens = {
            "access_token": access_token(*signed, proven=True),
            "id_token": id_token(*signed, grant.request.nonce),
        }
        return _issued(grant.request.scope, tokens)

    def access_token(self, name: str, roles: Sequence[str]) -> str:
        """A token of the person with this name."""
        person = Person(self._tenant, name, roles)
        return access_token(self._keys[0], self.issuer, self._client.client_id, person)

    async def _rotate(self, request: web.Request) -> web.Response:
        self.rotate()
        return web.Response(status=204)

    def rotate(self) -> None:
        """Signs with a new key from now on. The one before it is published until the next time."""
        self._keys = [SigningKey(), self._keys[0]]

    def _check_tenant(self, request: web.Request) -> None:
        if request.match_info["tenant"] != self._tenant:
            raise Refusal("invalid_tenant", 90002, "Tenant not found.")


@web.middleware
async def _refusing(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except Refusal as refusal:
        return refusal.response()


def _texts(form: MultiMapping[Any]) -> MultiMapping[str]:
    """The fields of a form that are no files."""
    return MultiDict((name, value) for name, value in form.items() if isinstance(value, str))


def _once(sent: MultiMapping[str]) -> Mapping[str, str]:
    """The parameters of the protocol. Raises Refusal if one is there twice (RFC 6749 §3.1)."""
    for name in PARAMETERS:
        if len(sent.getall(name, [])) > 1:
            raise Refusal("invalid_request", 9002313, f"Invalid request. The parameter '{name}' is there twice.")
    return {name: sent[name] for name in PARAMETERS if name in sent}


def _html(content: str, status: int = 200) -> web.Response:
    return web.Response(text=content, status=status, content_type="text/html", headers=HEADERS)


def _back(parameters: Mapping[str, str], answer: Mapping[str, str]) -> web.Response:
    """To the app, in the query of its redirect URI."""
    state = {"state": parameters["state"]} if parameters.get("state") else {}
    uri = parameters["redirect_uri"]
    location = f"{uri}{'&' if '?' in uri else '?'}{urlencode({**answer, **state})}"
    return web.Response(status=302, headers={"Location": location, "Cache-Control": "no-store"})


def _issued(scope: str, tokens: Mapping[str, str]) -> web.Response:
    body = {"token_type": "Bearer", "scope": scope, "expires_in": TOKEN_SECONDS, "ext_expires_in": TOKEN_SECONDS}
    return web.json_response({**body, **tokens}, headers={"Cache-Control": "no-store"})
