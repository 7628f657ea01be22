"""Checks the signature of requests: an HMAC with the account key.

Source: "Access control in the Azure Cosmos DB for NoSQL REST API".
"""

import binascii
import hmac
from base64 import b64decode, b64encode
from functools import lru_cache
from urllib.parse import parse_qs, unquote

from local_azure.cosmos import errors
from local_azure.cosmos.wire.messages import Request
from local_azure.cosmos.wire.paths import ResourcePath

OPERATIONS = "operations"
SIGNATURES_KEPT = 256


class Authorization:
    """`key`: in base64, as in a connection string. Raises ValueError if it is not base64."""

    def __init__(self, key: str) -> None:
        try:
            self._key = b64decode(key, validate=True)
        except binascii.Error:
            raise ValueError(f"the account key {key!r} is not base64") from None
        # All creations in a container within a second have the same signature.
        self._signature = lru_cache(maxsize=SIGNATURES_KEPT)(self._sign)

    def check(self, request: Request, path: ResourcePath) -> None:
        """Raises unauthorized unless the request is signed with the key."""
        header = request.headers.get("authorization")
        if not header:
            raise errors.unauthorized("Required Header authorization is missing. Ensure a valid token is passed.")
        date = request.headers.get("x-ms-date", "").lower(), request.headers.get("date", "").lower()
        if path.kind == OPERATIONS:  # signed as a request to the container
            path = path.container_path
        kind, link = path.kind, path.link
        if hmac.compare_digest(_quoted(self._signature(request.method, kind, link, date)), header.encode("latin-1")):
            return
        # A self link is signed as the last _rid in it, in lower case; and clients may quote the header differently.
        signature = _signature_in(header)
        for candidate in (link, path.last_name.lower()):
            if hmac.compare_digest(self._signature(request.method, kind, candidate, date).encode(), signature):
                return
        raise errors.unauthorized(
            "The input authorization token can't serve the request. The request is not signed with the key of this "
            "account: compare AccountKey in the connection string with the key in the settings of this server."
        )

    def _sign(self, method: str, kind: str, link: str, date: tuple[str, str]) -> str:
        text = f"{method.lower()}\n{kind.lower()}\n{link}\n{date[0]}\n{date[1]}\n"
        return b64encode(hmac.digest(self._key, text.encode(), "sha256")).decode("ascii")


def _quoted(signature: str) -> bytes:
    """The header, as the SDKs send it."""
    escaped = signature.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
    return f"type%3Dmaster%26ver%3D1.0%26sig%3D{escaped}".encode()


def _signature_in(header: str) -> bytes:
    """The signature in a token of the account key. Raises unauthorized for another kind of token."""
    # A plus sign is part of base64 here, not a space.
    fields = parse_qs(unquote(header).replace("+", "%2B"))
    if fields.get("type") != ["master"]:
        raise errors.unauthorized(
            "The input authorization token can't serve the request. Only the account key is supported here: no "
            "Microsoft Entra tokens and no resource tokens."
        )
    return fields.get("sig", [""])[0].encode()
