"""The kinds of documents that share a container, as their property `type` names them."""

from enum import StrEnum


class DocumentKind(StrEnum):
    """`type` of a stored document. The read model has its own container, and no `type`."""

    ATTEMPT = "attempt"
    CANCELLATION = "cancellation"
    CLAIM = "claim"
    CUSTOMER = "customer"
    EVENT = "event"
    FENCE = "fence"
    IDEMPOTENCY_KEY = "idempotency-key"
    MARK = "mark"
    MESSAGE = "message"
    REGISTRATION = "registration"
    SWEEP = "sweep"
