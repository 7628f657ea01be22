"""Outcomes of deliveries (AMQP 1.0 §3.4)."""

from dataclasses import dataclass
from typing import Any

from local_azure.service_bus.amqp.encode import encode_value
from local_azure.service_bus.amqp.errors import AmqpError
from local_azure.service_bus.amqp.performatives import decode_error, encode_error
from local_azure.service_bus.amqp.types import Described, ULong


@dataclass(frozen=True, slots=True)
class Accepted:
    pass


@dataclass(frozen=True, slots=True)
class Rejected:
    error: AmqpError | None = None


@dataclass(frozen=True, slots=True)
class Released:
    pass


@dataclass(frozen=True, slots=True)
class Modified:
    delivery_failed: bool = False
    undeliverable_here: bool = False
    annotations: dict[Any, Any] | None = None


type Outcome = Accepted | Rejected | Released | Modified

ACCEPTED, REJECTED, RELEASED, MODIFIED = 0x24, 0x25, 0x26, 0x27

ENCODED_ACCEPTED = encode_value(Described(ULong(ACCEPTED), []))
ENCODED_RELEASED = encode_value(Described(ULong(RELEASED), []))


def encode_outcome(outcome: Outcome) -> bytes:
    if isinstance(outcome, Accepted):
        return ENCODED_ACCEPTED
    if isinstance(outcome, Released):
        return ENCODED_RELEASED
    if isinstance(outcome, Rejected):
        return encode_value(Described(ULong(REJECTED), [encode_error(outcome.error)] if outcome.error else []))
    fields = [outcome.delivery_failed, outcome.undeliverable_here, outcome.annotations]
    return encode_value(Described(ULong(MODIFIED), fields))


def decode_outcome(value: Any) -> Outcome | None:
    """The outcome in a delivery state; None for `received`, transactional and unknown states."""
    if not isinstance(value, Described):
        return None
    fields = value.value if isinstance(value.value, list) else []
    match value.descriptor:
        case 0x24:
            return Accepted()
        case 0x25:
            return Rejected(decode_error(fields[0]) if fields else None)
        case 0x26:
            return Released()
        case 0x27:
            failed, undeliverable, annotations, *_ = [*fields, None, None, None]
            return Modified(bool(failed), bool(undeliverable), annotations if isinstance(annotations, dict) else None)
    return None
