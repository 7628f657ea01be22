"""Idempotency keys: the same key and request give the first answer; the same key with another request is refused."""

import hashlib
import json
from typing import Self

from shared.domain.errors import IdempotencyKeyReused
from shared.domain.record import Record


def fingerprint(request: Record) -> str:
    """A digest that is equal for equal requests (SHA-256, hexadecimal)."""
    canonical = json.dumps(request.to_json_object(), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def digest(key: str) -> str:
    """The key as it is stored: keys may hold anything, ids of documents may not."""
    return hashlib.sha256(key.encode()).hexdigest()


class Reservation(Record):
    """Which resource a key stands for, and which request it came with first."""

    resource_id: str
    request_fingerprint: str
    repeated: bool = False

    @classmethod
    def of(cls, request: Record, resource_id: str) -> Self:
        """The reservation that `request` makes if its key is new."""
        return cls(resource_id=resource_id, request_fingerprint=fingerprint(request))

    def check(self, request: Record) -> None:
        """Raises IdempotencyKeyReused if the key came first with another request."""
        if fingerprint(request) != self.request_fingerprint:
            raise IdempotencyKeyReused("This Idempotency-Key was used before with another request.")
