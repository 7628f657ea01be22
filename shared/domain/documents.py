"""The kinds of documents that share a container, as their property `type` names them."""

from enum import StrEnum


class DocumentKind(StrEnum):
    """`type` of a stored document. The read model has its own container, and no `type`."""

    ATTEMPT = "attempt"
    CUSTOMER = "customer"
    EVENT = "event"
    IDEMPOTENCY_KEY = "idempotency-key"
    MESSAGE = "message"
    REGISTRATION = "registration"
    SWEEP = "sweep"
