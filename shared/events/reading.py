"""Service Bus messages as the host hands them to a function: the event in one, and what is kept of one put aside."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final, Literal, get_args

import azure.functions as func
from pydantic import ValidationError

from shared.domain.events import CustomerEvent
from shared.domain.forgetting import UNHANDLED_AFTER
from shared.domain.identifiers import utc_now
from shared.domain.record import rfc3339
from shared.use_cases.setting_aside import EXPIRES_AT, UnhandledMessage

type Text = Literal["content_type", "subject", "correlation_id", "message_id"]
TEXTS: Final[tuple[Text, ...]] = get_args(Text.__value__)

# The reason of a message that was put aside. Service Bus allows 64 KB of properties; an operator reads a few lines.
LONGEST_REASON: Final = 1000


class UnreadableEvent(Exception):
    """The message is not a customer event. The text says which fields are wrong, and never what they hold."""


def read_event(message: func.ServiceBusMessage) -> CustomerEvent:
    """The event in the message. Raises UnreadableEvent."""
    try:
        return CustomerEvent.model_validate_json(message.get_body())
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, part["loc"])) or "(body)" for part in error.errors())
        raise UnreadableEvent(f"message {message.sequence_number} is not a customer event; wrong: {fields}") from None


def traceparent_of(message: func.ServiceBusMessage) -> str | None:
    """The traceparent that the message was sent with; None if it has none, or anything but text."""
    traceparent = (message.application_properties or {}).get("traceparent")
    return traceparent if isinstance(traceparent, str) else None


def texts_of_batch(messages: Sequence[func.ServiceBusMessage]) -> frozenset[Text]:
    """The text properties that every message of a batch has: only these can be relied on.

    The functions host sends each as a list without its empty entries, so the text of a later message takes the place
    of one that is missing (`ToRpcStringArray`; the Python worker does not declare IncludeEmptyEntriesInMessagePayload).
    """
    return frozenset(text for text in TEXTS if all(getattr(message, text) for message in messages))


def set_aside(
    message: func.ServiceBusMessage, subscription: str, reason: str, texts: frozenset[Text]
) -> UnhandledMessage:
    """What is kept of a message of `subscription`. `reason` holds nothing personal; `texts`: those to rely on."""
    expiry = expires_at(message)
    known: dict[Text, str | None] = {text: getattr(message, text) if text in texts else None for text in TEXTS}
    notes = {
        "subscription": subscription,
        "reason": reason[:LONGEST_REASON],
        "messageId": known.pop("message_id"),
        "enqueuedTime": _utc(message.enqueued_time_utc),
        "deliveryCount": message.delivery_count,
        EXPIRES_AT: rfc3339(expiry),
        "traceparent": traceparent_of(message),
    }
    return UnhandledMessage(
        body=message.get_body(),
        message_id=f"{subscription}-{message.sequence_number}",
        expires_at=expiry,
        notes={name: value for name, value in notes.items() if value is not None},
        **known,
    )


def expires_at(message: func.ServiceBusMessage) -> datetime:
    """When the event in the message expires, or the message, which may say nothing of an event.

    The host's times have no zone, and are in UTC.
    """
    with suppress(UnreadableEvent):
        return read_event(message).expires_at
    enqueued = message.enqueued_time_utc.replace(tzinfo=UTC) if message.enqueued_time_utc else utc_now()
    latest = enqueued + UNHANDLED_AFTER
    # Without a time to live of its own, a message never expires: the host then says the last day of its calendar.
    return min(message.expires_at_utc.replace(tzinfo=UTC), latest) if message.expires_at_utc else latest


def _utc(moment: datetime | None) -> str | None:
    """The host's times have no zone, and are in UTC."""
    return rfc3339(moment.replace(tzinfo=UTC)) if moment else None
