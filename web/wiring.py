"""What my page is made of. Each part is built once in a process."""

import time
from functools import cache, partial
from typing import Final

import azure.functions as func

from shared import metrics
from shared.adapters.identity import managed_identity
from shared.adapters.issuer_keys import CachedIssuer, OpenIdIssuer
from shared.adapters.session_issuer import SessionIssuer, SigningKey
from shared.adapters.tokens import Expected
from shared.domain.identifiers import utc_now
from shared.http.links import public_base_url
from shared.session_keys import read_public_keys
from shared.settings import SettingsError, settings
from shared.web_settings import Switch, is_loopback
from shared.wiring.interface import privacy_policy
from web.adapters.apps_client import AppsClient
from web.adapters.entra_login import EntraLogin
from web.adapters.kakao_login import KakaoLoginClient
from web.adapters.session_tokens import SessionTokens
from web.cookies import SealedCookie
from web.edge import Edge
from web.operator_sessions import OperatorSessions
from web.pages.cancel import Cancel
from web.pages.correct import Correct
from web.pages.errors import PageProblem
from web.pages.my import MyRegistration
from web.pages.operator_sign_in import OperatorSignIn
from web.pages.operators import OperatorPages
from web.pages.postcode import SCRIPT
from web.pages.register import Register
from web.pages.sign_in import SignIn
from web.ports import KakaoLogin
from web.rendering import static_files
from web.sessions import Marks, Sessions
from web.visit import Place, Redirect

LOGIN_SECONDS: Final = 600
"""How long somebody may take to sign in."""


def _set[Value](value: Value | None) -> Value:
    if value is None:
        raise TypeError("the settings have checked that it is set")
    return value


def origin(request: func.HttpRequest) -> str:
    """Where the browser sees my page. Raises PageProblem for a host that PUBLIC_BASE_URL does not name."""
    found = public_base_url(request, settings().public_base_url)
    if settings().public_base_url is None and not is_loopback(found):
        raise PageProblem(421, "elsewhere")
    return found


@cache
def sessions() -> Sessions:
    chosen = settings()
    issuer, audience = _set(chosen.session_issuer), _set(chosen.session_audience)
    key = SigningKey.read(_set(chosen.session_private_key).get_secret_value())
    tokens = SessionTokens(
        SessionIssuer(key, issuer, audience),
        read_public_keys(_set(chosen.session_public_keys)),
        Expected(issuer, audience),
    )
    return Sessions(tokens, utc_now)


@cache
def marks() -> Marks:
    return Marks(_set(settings().cookie_key).get_secret_value())


# Not on to Kakao, which may know them still: after signing out, Back would sign them in again.
edge: Final = Edge(sessions, marks, origin, Redirect(Place.START))


@cache
def login_cookie() -> SealedCookie:
    """Holds an attempt to sign in with Kakao."""
    return SealedCookie("login", _set(settings().cookie_key).get_secret_value(), LOGIN_SECONDS)


@cache
def apps() -> AppsClient:
    chosen = settings()
    customer, view = (str(_set(url)).rstrip("/") for url in (chosen.customer_api_url, chosen.customerview_api_url))
    bases = {"customers": customer, "registrations": customer, "customerViews": view, "me": view}
    credential = managed_identity(chosen.azure_client_id) if chosen.api_scope else None
    return AppsClient(bases, chosen.api_timeout_seconds, credential, chosen.api_scope)


@cache
def kakao_login() -> KakaoLogin:
    chosen = settings()
    return KakaoLoginClient(chosen)


@cache
def sign_in() -> SignIn:
    return SignIn(kakao_login(), sessions(), login_cookie(), partial(metrics.count_sign_in, "kakao"))


@cache
def my_registration() -> MyRegistration:
    return MyRegistration(apps())


@cache
def register() -> Register:
    policy = privacy_policy()
    postcode = SCRIPT if settings().web_postcode is Switch.ON else ""
    return Register(apps(), lambda: policy.in_effect(utc_now()), settings().customer_minimum_age, postcode)


@cache
def correct() -> Correct:
    return Correct(apps())


@cache
def cancel() -> Cancel:
    return Cancel(apps())


def operator_sessions() -> OperatorSessions:
    return OperatorSessions(_set(settings().cookie_key).get_secret_value(), utc_now)


@cache
def entra_login() -> EntraLogin:
    chosen = settings()
    issuer, client_id = _set(chosen.operator_issuer), _set(chosen.operator_audience)
    seconds = chosen.operator_login_timeout_seconds
    published = CachedIssuer(OpenIdIssuer(issuer, seconds), "Entra ID", time.monotonic)
    return EntraLogin(published, Expected(issuer, client_id), managed_identity(chosen.azure_client_id), seconds)


@cache
def operator_sign_in() -> OperatorSignIn:
    cookie = SealedCookie("operator-login", _set(settings().cookie_key).get_secret_value(), LOGIN_SECONDS)
    return OperatorSignIn(entra_login(), operator_sessions(), cookie, partial(metrics.count_sign_in, "entra"))


@cache
def operator_pages() -> OperatorPages:
    return OperatorPages(apps(), operator_sessions())


def open_at_start() -> None:
    """Checks at once what the settings alone cannot check. Raises SettingsError."""
    chosen = settings()
    try:
        key = SigningKey.read(_set(chosen.session_private_key).get_secret_value())
    except ValueError as error:
        raise SettingsError(f"wrong settings: SESSION_PRIVATE_KEY: {error}") from None
    if key.kid not in read_public_keys(_set(chosen.session_public_keys)):
        raise SettingsError("wrong settings: SESSION_PUBLIC_KEYS must contain the public key of SESSION_PRIVATE_KEY")
    privacy_policy()  # reads files, and fails at once if the package has none
    static_files()
