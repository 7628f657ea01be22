"""The signature of every request: an HMAC with the account's key.

Source: "Access control in the Azure Cosmos DB for NoSQL REST API".
"""

import binascii
import hmac
from base64 import b64decode, b64encode
from urllib.parse import parse_qs, unquote

from local_azure.cosmos import errors
from local_azure.cosmos.wire.messages import Request

DELETE_PARTITION = "partitionkeydelete"


class Authorization:
    """`key` as in a connection string, in base64. Raises ValueError when it is not that."""

    def __init__(self, key: str) -> None:
        try:
            self._key = b64decode(key, validate=True)
        except binascii.Error:
            raise ValueError(f"the account key {key!r} is not base64") from None

    def check(self, request: Request, segments: list[str]) -> None:
        """Raises unauthorized unless the request is signed with the key. `segments` are those of its path, decoded."""
        header = request.headers.get("authorization")
        if not header:
            raise errors.unauthorized("Required Header authorization is missing. Ensure a valid token is passed.")
        date = request.headers.get("x-ms-date", "").lower(), request.headers.get("date", "").lower()
        if segments[-1:] == [DELETE_PARTITION]:  # signed as an operation on the container
            segments = segments[:-2]
        names_a_resource = len(segments) % 2 == 0
        kind = (segments[-2] if names_a_resource else segments[-1]) if segments else ""
        link = "/".join(segments if names_a_resource else segments[:-1])
        if hmac.compare_digest(_quoted(self._signature(request.method, kind, link, date)), header.encode("latin-1")):
            return
        # Self links are signed by the last _rid in them, in lower case; and clients may quote the header differently.
        owner = (segments[-1] if names_a_resource else segments[-2]).lower() if len(segments) > 1 else ""
        given = _signature_in(header)
        for candidate in (link, owner):
            if hmac.compare_digest(self._signature(request.method, kind, candidate, date).encode(), given):
                return
        raise errors.unauthorized(
            "The input authorization token can't serve the request. The request is not signed with the key of this "
            "account: compare AccountKey in the connection string with the key this server was started with."
        )

    def _signature(self, method: str, kind: str, link: str, date: tuple[str, str]) -> str:
        text = f"{method.lower()}\n{kind.lower()}\n{link}\n{date[0]}\n{date[1]}\n"
        return b64encode(hmac.digest(self._key, text.encode(), "sha256")).decode("ascii")


def _quoted(signature: str) -> bytes:
    """The header as the SDKs send it."""
    escaped = signature.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
    return f"type%3Dmaster%26ver%3D1.0%26sig%3D{escaped}".encode()


def _signature_in(header: str) -> bytes:
    """The signature of a master-key token. Raises unauthorized for another kind of token."""
    # A plus sign is part of base64 here, not a space.
    fields = parse_qs(unquote(header).replace("+", "%2B"))
    if fields.get("type") != ["master"]:
        raise errors.unauthorized(
            "The input authorization token can't serve the request. Only the account key is supported here: no "
            "Microsoft Entra tokens and no resource tokens."
        )
    return fields.get("sig", [""])[0].encode()
