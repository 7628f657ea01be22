"""Refusals in the words of Entra ID."""

import json
import secrets
import uuid
from datetime import UTC, datetime
from typing import Final

from aiohttp import web

# RFC 6749 §5.2: whoever could not prove to be the client gets 401.
_STATUSES: Final = {"invalid_client": 401, "temporarily_unavailable": 503}


class Refusal(Exception):
    """A refusal. `error`: as in RFC 6749; `code`: the number behind AADSTS."""

    def __init__(self, error: str, code: int, text: str) -> None:
        super().__init__(error)
        self.error = error
        self.code = code
        self.description = f"AADSTS{code}: {text}"

    def response(self) -> web.Response:
        """The answer of an endpoint that speaks JSON."""
        body = {
            "error": self.error,
            "error_description": self.description,
            "error_codes": [self.code],
            "timestamp": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%SZ"),
            "trace_id": str(uuid.UUID(bytes=secrets.token_bytes(16))),
            "correlation_id": str(uuid.UUID(bytes=secrets.token_bytes(16))),
        }
        headers = {"Cache-Control": "no-store"}
        status = _STATUSES.get(self.error, 400)
        return web.Response(text=json.dumps(body), status=status, content_type="application/json", headers=headers)
