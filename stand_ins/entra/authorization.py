"""The authorization code grant with PKCE (RFC 6749 §4.1, RFC 7636): what an app asks for, and codes used once."""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from stand_ins.entra.federation import ASSERTION_TYPE, FederatedCredential
from stand_ins.entra.refusals import Refusal
from stand_ins.entra.tokens import Person

CODE_SECONDS: Final = 600
CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}")
PARAMETERS: Final = (
    *("client_id", "redirect_uri", "response_type", "response_mode", "scope", "state", "nonce"),
    *("code_challenge", "code_challenge_method", "prompt"),
)


@dataclass(frozen=True)
class AuthorizationRequest:
    """What an app asks for, checked."""

    client_id: str
    redirect_uri: str
    scope: str
    state: str
    nonce: str
    challenge: str


@dataclass(frozen=True)
class Client:
    """An app registration. `redirect_uris`: where people come back to, compared letter by letter.

    `credential`: by which it proves itself; without one, it cannot.
    """

    client_id: str
    redirect_uris: Sequence[str] = ()
    credential: FederatedCredential | None = None

    @property
    def api_scope(self) -> str:
        """By which it asks for tokens for its own API."""
        return f"{self.client_id}/.default"

    def check_identity(self, parameters: Mapping[str, str]) -> None:
        """Raises Refusal if somebody else asks, or an answer would go elsewhere: then there is none but a page."""
        for name in ("client_id", "redirect_uri"):
            if not parameters.get(name):
                raise _missing(name)
        if parameters["client_id"] != self.client_id:
            text = f"Application with identifier '{parameters['client_id']}' was not found in the directory."
            raise Refusal("unauthorized_client", 700016, text)
        if parameters["redirect_uri"] not in self.redirect_uris:
            text = (
                f"The redirect URI '{parameters['redirect_uri']}' specified in the request does not match the redirect "
                f"URIs configured for the application '{self.client_id}'."
            )
            raise Refusal("invalid_request", 50011, text)

    def request(self, parameters: Mapping[str, str]) -> AuthorizationRequest:
        """Raises Refusal, which the app is told."""
        for name in ("response_type", "scope", "nonce"):
            if not parameters.get(name):
                raise _missing(name)
        if parameters["response_type"] != "code" or parameters.get("response_mode", "query") != "query":
            raise Refusal("unsupported_response_type", 700051, "Only response_type=code in the query is enabled.")
        if set(parameters["scope"].split()) != {"openid", "profile", self.api_scope}:
            text = f"The scope {parameters['scope']} is not valid: ask for openid profile {self.api_scope}."
            raise Refusal("invalid_scope", 70011, text)
        challenge = parameters.get("code_challenge", "")
        if parameters.get("code_challenge_method") != "S256" or not CHALLENGE.fullmatch(challenge):
            raise Refusal("invalid_request", 50147, "A code challenge is needed, with the method S256.")
        return AuthorizationRequest(
            parameters["client_id"],
            parameters["redirect_uri"],
            parameters["scope"],
            parameters.get("state", ""),
            parameters["nonce"],
            challenge,
        )

    def authenticate(self, form: Mapping[str, str]) -> None:
        """Raises Refusal if the form does not prove that this app has sent it."""
        if form.get("client_id") != self.client_id:
            raise Refusal("unauthorized_client", 700016, "The application was not found in the directory.")
        assertion = form.get("client_assertion")
        if not assertion or form.get("client_assertion_type") != ASSERTION_TYPE:
            text = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."
            raise Refusal("invalid_client", 7000218, text)
        if self.credential is None:
            text = (
                "The client has no configured federated identity credentials: start the stand-in with --federated-key."
            )
            raise Refusal("invalid_client", 70025, text)
        self.credential.verify(assertion)


def _missing(name: str) -> Refusal:
    text = f"The request body must contain the following parameter: '{name}'."
    return Refusal("invalid_request", 900144, text)


@dataclass(frozen=True)
class Grant:
    """Who has signed in, and for which request."""

    request: AuthorizationRequest
    person: Person


class Codes:
    """The codes that were given out. Each is used once, whether that succeeds or not."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock`: seconds, monotonic."""
        self._clock = clock
        self._grants: dict[str, tuple[float, Grant]] = {}
        self._used: set[str] = set()

    def new(self, grant: Grant) -> str:
        """A code for what somebody has granted."""
        code = f"0.{secrets.token_urlsafe(32)}"
        self._grants[code] = (self._clock() + CODE_SECONDS, grant)
        return code

    def redeem(self, form: Mapping[str, str]) -> Grant:
        """What was granted, to the app that asked for it. Raises Refusal."""
        for name in ("code", "redirect_uri", "code_verifier"):
            if not form.get(name):
                raise _missing(name)
        code = form["code"]
        if code in self._used:
            raise Refusal("invalid_grant", 54005, "OAuth2 Authorization code was already redeemed.")
        if code not in self._grants:
            raise Refusal("invalid_grant", 9002313, "Invalid request. Request is malformed or invalid.")
        expires_at, grant = self._grants.pop(code)
        self._used.add(code)
        if self._clock() >= expires_at:
            raise Refusal("invalid_grant", 70008, "The provided authorization code has expired.")
        if form["redirect_uri"] != grant.request.redirect_uri:
            text = "The reply address does not match the one that was provided when requesting the authorization code."
            raise Refusal("invalid_client", 500112, text)
        if not _proves(form["code_verifier"], grant.request.challenge):
            text = "The Code_Verifier does not match the code_challenge supplied in the authorization request."
            raise Refusal("invalid_grant", 501481, text)
        return grant


def _proves(verifier: str, challenge: str) -> bool:
    if not VERIFIER.fullmatch(verifier):
        return False
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode("ascii")).digest()).rstrip(b"=").decode("ascii")
    return hmac.compare_digest(digest, challenge)
