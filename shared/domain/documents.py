"""The kinds of documents that share a container, as their property `type` names them."""

from enum import StrEnum


class DocumentKind(StrEnum):
    """`type` of a stored document. The read model has a container to itself, and no types."""

    CUSTOMER = "customer"
    EVENT = "event"
    FIRST_ANSWER = "first-answer"
    IDEMPOTENCY_KEY = "idempotency-key"
    MESSAGE = "message"
