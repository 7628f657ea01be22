"""The endpoint of App Service for managed identities (REST, api-version 2019-08-01), in plain HTTP/1.1."""

import hmac
import json
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import socket
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

from local_azure.identity import TOKEN_PATH
from local_azure.identity.tokens import TokenIssuer
from local_azure.request_host import InvalidHostError, read_host

API_VERSION = "2019-08-01"
SECRET_HEADER = "X-IDENTITY-HEADER"  # noqa: S105 the name, not the secret
# In seconds, for each part of a request. The clients are on this machine, and send it at once.
REQUEST_TIMEOUT = 5.0
# By which a user-assigned identity may be named; here both of its ids are the same.
NAMES = ("client_id", "principal_id", "object_id")
PARAMETERS = frozenset({"api-version", "resource", *NAMES})


class Refused(Exception):
    """The request is answered with `status` and a message that says what to do."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class TokenEndpoint:
    """Answers apps that present their secret. `identities`: by the secret of the app."""

    def __init__(self, identities: Mapping[str, UUID], issuer: TokenIssuer) -> None:
        self._identities = identities
        self._issuer = issuer

    def token(self, target: str, secret: str) -> dict[str, str]:
        """The answer to a GET of `target`. Raises Refused."""
        url = urlsplit(target)
        if url.path.lower() != TOKEN_PATH:
            raise Refused(HTTPStatus.NOT_FOUND, f"There is only {TOKEN_PATH} here.")
        identity = self._identity(secret)
        parameters = _parameters(url.query)
        resource = parameters.get("resource")
        if not resource:
            raise Refused(HTTPStatus.BAD_REQUEST, "The parameter resource is missing: say for whom the token is.")
        for name in NAMES:
            if parameters.get(name, str(identity)).lower() != str(identity):
                raise Refused(HTTPStatus.BAD_REQUEST, f"This app has no identity with this {name}; it has {identity}.")
        token, not_before, expires_on = self._issuer.issue(identity, resource)
        return {
            "access_token": token,
            "client_id": str(identity),
            "expires_on": str(expires_on),
            "not_before": str(not_before),
            "resource": resource,
            "token_type": "Bearer",
        }

    def _identity(self, secret: str) -> UUID:
        # All are compared, so that the time says nothing about them.
        found = [identity for known, identity in self._identities.items() if _same(known, secret)]
        if not found:
            raise Refused(
                HTTPStatus.UNAUTHORIZED,
                f"The header {SECRET_HEADER} is missing or wrong: send the IDENTITY_HEADER of the app.",
            )
        return found[0]


def _same(known: str, secret: str) -> bool:
    return hmac.compare_digest(known.encode(), secret.encode())


def _parameters(query: str) -> dict[str, str]:
    """Raises Refused for what is not supported, and for a parameter that is there twice."""
    pairs = parse_qsl(query, keep_blank_values=True)
    parameters = dict(pairs)
    if parameters.get("api-version") != API_VERSION:
        raise Refused(HTTPStatus.BAD_REQUEST, f"Only api-version={API_VERSION} is supported.")
    if len(parameters) < len(pairs):
        raise Refused(HTTPStatus.BAD_REQUEST, "A parameter is there twice.")
    if unknown := sorted(set(parameters) - PARAMETERS):
        raise Refused(HTTPStatus.BAD_REQUEST, f"Not supported: {', '.join(unknown)}; name an identity by client_id.")
    return parameters


class TokenServer(ThreadingHTTPServer):
    """Serves an endpoint on a socket that listens already."""

    daemon_threads = True

    def __init__(self, listener: socket, endpoint: TokenEndpoint) -> None:
        super().__init__(listener.getsockname(), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.endpoint = endpoint


class _Handler(BaseHTTPRequestHandler):
    server: TokenServer
    timeout = REQUEST_TIMEOUT

    def do_GET(self) -> None:
        """Answers with a token, or says why not."""
        try:
            read_host(self.request_version.removeprefix("HTTP/"), self.path.encode("latin-1"), self._values("Host"))
            secret = ",".join(self.headers.get_all(SECRET_HEADER, []))
            self._answer(HTTPStatus.OK, self.server.endpoint.token(self.path, secret))
        except InvalidHostError as error:
            self._refuse(HTTPStatus.BAD_REQUEST, str(error))
        except Refused as refused:
            self._refuse(refused.status, str(refused))

    def _values(self, name: str) -> list[bytes]:
        return [value.encode("latin-1") for value in self.headers.get_all(name, [])]

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        self._answer(status, {"statusCode": status.value, "message": message})

    def _answer(self, status: HTTPStatus, content: Mapping[str, object]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Says nothing of what succeeded; a refusal is worth a line, without its query."""
        if code != HTTPStatus.OK:
            self.log_message("%s %s: %s", self.command, TOKEN_PATH, int(code))
