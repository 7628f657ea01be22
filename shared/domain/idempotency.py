"""Idempotency keys: the same key and request get the first response; the same key with another request is refused."""

import hashlib
import json
from typing import Self

from shared.domain.errors import IdempotencyKeyReused
from shared.domain.identifiers import CustomerId
from shared.domain.record import Record


def fingerprint(request: Record) -> str:
    """A digest that is equal for equal requests (SHA-256, hexadecimal)."""
    canonical = json.dumps(request.to_json_object(), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def digest(key: str) -> str:
    """The key as it is stored: a key may hold any visible character, the id of a document may not."""
    return hashlib.sha256(key.encode()).hexdigest()


class Reservation(Record):
    """The customer that a key belongs to, and the request it first came with."""

    resource_id: CustomerId
    request_fingerprint: str
    repeated: bool = False

    @classmethod
    def of(cls, request: Record, resource_id: CustomerId) -> Self:
        """The reservation that `request` makes if its key is new."""
        return cls(resource_id=resource_id, request_fingerprint=fingerprint(request))

    def check(self, request: Record) -> None:
        """Raises IdempotencyKeyReused if the key first came with another request."""
        if fingerprint(request) != self.request_fingerprint:
            raise IdempotencyKeyReused("This Idempotency-Key was used before with another request.")
