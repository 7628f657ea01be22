"""The stand-in's paths: those of kauth.kakao.com and kapi.kakao.com on one port, and its own to change what it does."""

import asyncio
import hmac
import json
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from aiohttp import web
from pydantic import ValidationError

from stand_ins.kakao_login import pages
from stand_ins.kakao_login.faults import Call, Faults, WrongBody
from stand_ins.kakao_login.grants import Grant, access_tokens, codes
from stand_ins.kakao_login.people import Person, person_of
from stand_ins.kakao_login.tokens import ELSEWHERE, TOKEN_SECONDS, SigningKey, id_token

HOST: Final = "127.0.0.1"
DEFAULT_PORT: Final = 9200
DEFAULT_CLIENT_ID: Final = "5a7ec0de00004000800000000000a001"
DEFAULT_CLIENT_SECRET: Final = "known-to-everybody-on-this-laptop"  # noqa: S105 which is no secret

OPENID: Final = "openid"
REFRESH_SECONDS: Final = 5_184_000
STAY_SECONDS: Final = 30 * 86_400
SESSION_COOKIE: Final = "kakao_login_stand_in"
TOO_LONG: Final = 2_000_000  # bytes
KAKAO_TEXT: Final = "application/json;charset=UTF-8"

type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Registered:
    """What Kakao's console has about the one app (앱). `consent_items`: those that are set."""

    client_id: str = DEFAULT_CLIENT_ID
    client_secret: str = field(default=DEFAULT_CLIENT_SECRET, repr=False)
    redirect_uris: Sequence[str] = ()
    logout_redirect_uris: Sequence[str] = ()
    consent_items: Sequence[str] = ("profile_nickname",)


class KakaoStandIn:
    """Kakao with one app. It signs with its newest key, and publishes that and the one before it."""

    def __init__(
        self,
        port: int,
        app: Registered,
        clock: Callable[[], float] = time.monotonic,
        new_key: Callable[[], SigningKey] = SigningKey,
    ) -> None:
        """`port`: where it is reached, since the issuer's name has the port in it. `clock`: seconds, monotonic."""
        self._registered = app
        self.issuer = f"http://{HOST}:{port}"
        # As at Kakao, what a person's access token is for lies at another origin than the issuer.
        self._kapi = f"http://localhost:{port}"
        self._new_key = new_key
        self._keys = [new_key(), new_key()]
        self._codes = codes(clock)
        self._access_tokens = access_tokens(clock)
        self.faults = Faults()

    def app(self) -> web.Application:
        """The application, to be served at HOST and the port."""
        app = web.Application()
        router = app.router
        router.add_get("/.well-known/openid-configuration", self._faulty(Call.DISCOVERY, self._configuration))
        router.add_get("/.well-known/jwks.json", self._faulty(Call.KEYS, self._published))
        router.add_get("/oauth/authorize", self._authorize)
        router.add_post("/oauth/authorize", self._authorize)
        router.add_post("/oauth/token", self._faulty(Call.TOKEN, self._token))
        router.add_get("/oauth/logout", self._logout)
        router.add_get("/v1/oidc/userinfo", self._faulty(Call.USER, self._user))
        router.add_post("/v1/user/logout", self._faulty(Call.USER, self._end_token))
        router.add_post("/v1/user/unlink", self._faulty(Call.USER, self._unlink))
        router.add_post("/stand-in/rotate", self._rotate)
        router.add_get("/stand-in/faults", self._show_faults)
        router.add_put("/stand-in/faults", self._set_faults)
        return app

    # What a service asks for

    async def _configuration(self, _: web.Request) -> web.Response:
        base = ELSEWHERE if self.faults.endpoints_elsewhere else self.issuer
        return web.json_response(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{base}/oauth/authorize",
                "token_endpoint": f"{base}/oauth/token",
                "userinfo_endpoint": f"{self._kapi}/v1/oidc/userinfo",
                "jwks_uri": f"{self.issuer}/.well-known/jwks.json",
                "token_endpoint_auth_methods_supported": ["client_secret_post"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "response_types_supported": ["code"],
                "response_modes_supported": ["query"],
                "grant_types_supported": ["authorization_code"],
                "code_challenge_methods_supported": ["S256"],
                "claims_supported": ["iss", "aud", "sub", "auth_time", "exp", "iat", "nonce", "nickname"],
            }
        )

    async def _published(self, _: web.Request) -> web.Response:
        return web.json_response({"keys": [key.jwk() for key in self._keys]})

    async def _token(self, request: web.Request) -> web.Response:
        form = {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
        client = self._registered
        if not form.get("grant_type"):
            raise _error("invalid_request", "grant_type is missing", "KOE310")
        if form["grant_type"] != "authorization_code":
            raise _error("unsupported_grant_type", "unsupported grant type", "")
        if form.get("client_id") != client.client_id:
            raise _error("invalid_client", "Not exist client_id", "KOE101", 401)
        if not hmac.compare_digest(form.get("client_secret", "").encode(), client.client_secret.encode()):
            raise _error("invalid_client", "Bad client credentials", "KOE010", 401)
        code = form.get("code", "")
        grant = self._codes.take(code)
        if grant is None:
            raise _error("invalid_grant", f"authorization code not found for code={code}", "KOE320")
        if form.get("redirect_uri") != grant.redirect_uri:
            raise _error("invalid_grant", "Redirect URI mismatch.", "KOE303")
        if not grant.is_proven_by(form.get("code_verifier", "")):
            raise _error("invalid_grant", "code_verifier does not match code_challenge", "")
        return web.json_response(self._tokens(grant), headers={"Cache-Control": "no-store"})

    def _tokens(self, grant: Grant) -> dict[str, Any]:
        now = int(time.time())
        claims = {
            "aud": self._registered.client_id,
            "sub": grant.person.number,
            "auth_time": now,
            "iss": self.issuer,
            "exp": now + TOKEN_SECONDS,
            "iat": now,
            **({"nonce": grant.nonce} if grant.nonce else {}),
            **({"nickname": grant.person.nickname} if "profile_nickname" in grant.scopes else {}),
        }
        token = id_token(self._keys[0], claims, self.faults.id_token) if OPENID in grant.scopes else None
        return {
            "token_type": "bearer",
            "access_token": self._access_tokens.add(grant),
            **({"id_token": token} if token else {}),
            "expires_in": TOKEN_SECONDS,
            "refresh_token": secrets.token_urlsafe(40),  # nothing here takes it
            "refresh_token_expires_in": REFRESH_SECONDS,
            "scope": " ".join(sorted(grant.scopes)),
        }

    async def _user(self, request: web.Request) -> web.Response:
        grant = self._granted(request)
        person, scopes = grant.person, grant.scopes
        found = {"sub": person.number}
        if "profile_nickname" in scopes:
            found["nickname"] = person.nickname
        if "phone_number" in scopes:
            return web.json_response({**found, "phone_number": person.phone_number, "phone_number_verified": True})
        return web.json_response(found)

    async def _end_token(self, request: web.Request) -> web.Response:
        grant = self._granted(request)
        self._access_tokens.take(_bearer(request))
        return web.json_response({"id": int(grant.person.number)})

    async def _unlink(self, request: web.Request) -> web.Response:
        grant = self._granted(request)
        self._access_tokens.end_all_of(grant.person)
        return web.json_response({"id": int(grant.person.number)})

    def _granted(self, request: web.Request) -> Grant:
        grant = self._access_tokens.get(_bearer(request))
        if grant is None:
            body = {"msg": "this access token does not exist", "code": -401}
            raise web.HTTPUnauthorized(text=json.dumps(body), content_type="application/json")
        return grant

    # What a person sees

    async def _authorize(self, request: web.Request) -> web.Response:
        """The page, and what was chosen on it."""
        asked = request.query
        refusal = self._refusal(asked)
        if refusal:
            return _page(pages.refusal(*refusal), 400)
        if request.method == "POST":
            form = await request.post()
            if form.get("cancel"):
                return _back(asked, error="access_denied", error_description="User denied access")
            # Whoever writes a number means that, although somebody in the list is always chosen.
            person = person_of(str(form.get("number", "")).strip() or str(form.get("person", "")))
            if person is None:
                return _page(pages.choice(is_number_wrong=True), 422)
            response = self._signed_in(asked, person)
            if form.get("stay"):
                response.set_cookie(
                    SESSION_COOKIE, person.number, max_age=STAY_SECONDS, path="/oauth", httponly=True, samesite="Lax"
                )
            return response
        return self._answer_at_once(asked, request.cookies.get(SESSION_COOKIE, ""))

    def _answer_at_once(self, asked: Mapping[str, str], session: str) -> web.Response:
        """Whoever has stayed signed in is not asked again, unless the service says so (`prompt`)."""
        person, prompts = person_of(session), asked.get("prompt", "").replace(",", " ").split()
        if "none" in prompts:
            return self._signed_in(asked, person) if person else _back(asked, error="login_required")
        if person and not {"login", "create", "select_account"} & set(prompts):
            return self._signed_in(asked, person)
        return _page(pages.choice())

    def _refusal(self, asked: Mapping[str, str]) -> tuple[str, str] | None:
        """Why nobody is sent back: a code, and a text for who has set up the service."""
        if asked.get("client_id") != self._registered.client_id:
            return "KOE101", "앱 키가 올바르지 않습니다."
        if asked.get("redirect_uri") not in self._registered.redirect_uris:
            return "KOE006", "등록되지 않은 리다이렉트 URI입니다."
        if asked.get("response_type") != "code":
            return "KOE201", "response_type은 code여야 합니다."
        unknown = _scopes(asked) - {OPENID, *self._registered.consent_items}
        if unknown:
            return "KOE205", f"설정하지 않은 동의항목: {', '.join(sorted(unknown))}"
        if "code_challenge" in asked and asked.get("code_challenge_method") != "S256":
            return "KOE001", "code_challenge_method는 S256이어야 합니다."
        return None

    def _signed_in(self, asked: Mapping[str, str], person: Person) -> web.Response:
        # Without `scope`: all that is set in the console, and an id token (OpenID Connect is switched on there).
        scopes = _scopes(asked) or {OPENID, *self._registered.consent_items}
        grant = Grant(
            person,
            redirect_uri=asked["redirect_uri"],
            scopes=frozenset(scopes),
            nonce=asked.get("nonce", ""),
            challenge=asked.get("code_challenge", ""),
        )
        return _back(asked, code=self._codes.add(grant))

    async def _logout(self, request: web.Request) -> web.Response:
        """Ends what "stay signed in" began."""
        asked = request.query
        if asked.get("client_id") != self._registered.client_id:
            return _page(pages.refusal("KOE101", "앱 키가 올바르지 않습니다."), 400)
        if asked.get("logout_redirect_uri") not in self._registered.logout_redirect_uris:
            return _page(pages.refusal("KOE007", "등록되지 않은 로그아웃 리다이렉트 URI입니다."), 400)
        response = _redirect(asked["logout_redirect_uri"], {"state": asked["state"]} if "state" in asked else {})
        response.del_cookie(SESSION_COOKIE, path="/oauth")
        return response

    # What only the stand-in has

    async def _rotate(self, _: web.Request) -> web.Response:
        self.rotate()
        return web.Response(status=204)

    def rotate(self) -> None:
        """Signs with a new key from now on. The one before it is published until the next time."""
        self._keys = [self._new_key(), self._keys[0]]

    async def _show_faults(self, _: web.Request) -> web.Response:
        return web.json_response(self.faults.model_dump(mode="json", by_alias=True))

    async def _set_faults(self, request: web.Request) -> web.Response:
        try:
            self.faults = Faults.model_validate_json(await request.read())
        except ValidationError as error:
            return web.Response(status=422, text=f"{error}\n")
        return await self._show_faults(request)

    def _faulty(self, call: Call, handler: Handler) -> Handler:
        async def answer(request: web.Request) -> web.StreamResponse:
            faults = self.faults
            if call not in faults.calls:
                return await handler(request)
            await asyncio.sleep(faults.slow_seconds)
            if faults.status:
                busy = faults.status == 429
                raise _error("server_error", "", "KOE237" if busy else "KOE003", faults.status)
            return _wrong(faults.body) if faults.body else await handler(request)

        return answer


def _wrong(body: WrongBody) -> web.Response:
    match body:
        case WrongBody.NOT_JSON:
            return web.Response(text="<html>")
        case WrongBody.NO_OBJECT:
            return web.json_response(["id_token"])
        case WrongBody.TOO_LONG:
            return web.json_response({"id_token": "x" * TOO_LONG})


def _bearer(request: web.Request) -> str:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return token if kind.lower() == "bearer" else ""


def _scopes(asked: Mapping[str, str]) -> set[str]:
    """Kakao documents commas, OAuth has spaces."""
    return set(asked.get("scope", "").replace(",", " ").split())


def _back(asked: Mapping[str, str], **answer: str) -> web.Response:
    """To the service, with the state that it sent."""
    state = {"state": asked["state"]} if "state" in asked else {}
    return _redirect(asked["redirect_uri"], {**answer, **state})


def _redirect(url: str, query: dict[str, str]) -> web.Response:
    joint = "" if not query else "&" if urlsplit(url).query else "?"
    location = f"{url}{joint}{urlencode(query)}"
    return web.Response(status=302, headers={"Location": location, "Cache-Control": "no-store"})


def _page(text: str, status: int = 200) -> web.Response:
    headers = {"Cache-Control": "no-store", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer"}
    return web.Response(status=status, text=text, content_type="text/html", headers=headers)


def _error(name: str, text: str, code: str, status: int = 400) -> web.HTTPException:
    """An error as kauth.kakao.com words it."""
    body = {"error": name, "error_description": text, **({"error_code": code} if code else {})}
    error = _Answered(text=json.dumps(body), headers={"Cache-Control": "no-store", "Content-Type": KAKAO_TEXT})
    error.set_status(status)
    return error


class _Answered(web.HTTPException):
    """An answer that is an error."""

    status_code = 400
