"""The metadata of messages for a function: the same fields that the Service Bus extension sends on Azure.

Times whose name ends in `Utc` have no time zone there, so a function gets naive datetimes; here too. The library tries
twelve formats before it can parse them, on Azure as well: 0.07 ms each, twice per message. With a `Z` it would be
faster, but the datetimes would be aware: code that compares them would work here and raise TypeError on Azure.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.amqp import AmqpMessageBodyType

from local_azure.functions_host.datums import Datum, json_datum, raw, text
from local_azure.functions_host.trace_context import TraceContext, continue_trace

# DateTimeOffset.MaxValue of .NET: the message never expires.
NEVER = "9999-12-31T23:59:59.9999999"
# The fields of a message in a batch, by the type of their list in .NET: string[], long[], and those that become JSON.
TEXT_FIELDS = (
    *("MessageId", "LockToken", "Subject", "Label", "ContentType", "CorrelationId", "To", "ReplyTo"),
    *("ReplyToSessionId", "SessionId", "PartitionKey", "TransactionPartitionKey", "DeadLetterSource"),
)
LONG_FIELDS = ("SequenceNumber",)
JSON_FIELDS = (
    *("DeliveryCount", "EnqueuedTimeUtc", "EnqueuedTime", "ExpiresAtUtc", "ExpiresAt"),
    *("ApplicationProperties", "UserProperties"),
)
TRACE_PROPERTIES = ("traceparent", "Diagnostic-Id")


def body_of(message: ServiceBusReceivedMessage) -> bytes:
    if message.body_type is AmqpMessageBodyType.DATA:
        return b"".join(message.body)
    if message.body_type is AmqpMessageBodyType.VALUE:
        value = message.body
        return value if isinstance(value, bytes) else str(value).encode()
    return json.dumps(list(message.body), default=_plain).encode()


def body_datum(body: bytes, *, as_bytes: bool) -> Datum:
    """Text; bytes if the binding requests binary or the body is not UTF-8."""
    if as_bytes:
        return raw(body)
    try:
        return text(body.decode())
    except UnicodeDecodeError:
        return raw(body)


def properties_of(message: ServiceBusReceivedMessage) -> dict[str, Any]:
    """The application properties, with names as str."""
    properties: Mapping[Any, Any] = message.application_properties or {}
    return {_plain(name): value for name, value in properties.items()}


def trace_of(properties: Mapping[str, Any]) -> TraceContext:
    """The sender's trace from the application properties, else a new one."""
    parent = next((properties[name] for name in TRACE_PROPERTIES if name in properties), None)
    state = properties.get("tracestate")
    return continue_trace(str(_plain(parent)) if parent else None, str(_plain(state)) if state else None)


def fields_of(message: ServiceBusReceivedMessage, properties: Mapping[str, Any]) -> dict[str, Any]:
    """The metadata fields that this message has, as plain values."""
    enqueued = message.enqueued_time_utc
    expires = message.expires_at_utc
    enqueued_text = _time(enqueued) if enqueued else None
    expires_text = _time(expires) if expires else NEVER
    fields = {
        "MessageId": message.message_id,
        "SequenceNumber": message.sequence_number,
        "DeliveryCount": (message.delivery_count or 0) + 1,
        "LockToken": str(message.lock_token),
        "EnqueuedTimeUtc": enqueued_text,
        "EnqueuedTime": enqueued_text and f"{enqueued_text}+00:00",
        "ExpiresAtUtc": expires_text,
        "ExpiresAt": f"{expires_text}+00:00",
        "Subject": message.subject,
        "Label": message.subject,
        "ContentType": message.content_type,
        "CorrelationId": message.correlation_id,
        "To": message.to,
        "ReplyTo": message.reply_to,
        "ReplyToSessionId": message.reply_to_session_id,
        "SessionId": message.session_id,
        "PartitionKey": message.partition_key,
        "DeadLetterSource": message.dead_letter_source,
        "ApplicationProperties": properties,
        "UserProperties": properties,
    }
    return {name: value for name, value in fields.items() if value is not None}


def single_metadata(message: ServiceBusReceivedMessage, properties: Mapping[str, Any]) -> dict[str, Datum]:
    """The metadata for cardinality one."""
    fields = fields_of(message, properties)
    encoded = Datum(json.dumps(fields.pop("ApplicationProperties"), default=_plain), "json")
    del fields["UserProperties"]
    metadata = {name: Datum(value, "int" if type(value) is int else "string") for name, value in fields.items()}
    metadata["ApplicationProperties"] = metadata["UserProperties"] = encoded
    return metadata


def batch_metadata(messages: Sequence[ServiceBusReceivedMessage]) -> dict[str, Datum]:
    """The metadata for cardinality many: `…Array` fields, in the types in which Azure's host sends them.

    Lists of text lack their empty entries there, and here: an entry may be that of a later message (`ToRpcStringArray`
    of azure-functions-host; the Python worker does not declare IncludeEmptyEntriesInMessagePayload). The library parses
    a list in JSON again for every message of the batch, and a typed list not at all.
    """
    described = [fields_of(message, properties_of(message)) for message in messages]

    def values(name: str) -> list[Any]:
        return [fields.get(name) for fields in described]

    metadata = {name: _json(values(name)) for name in JSON_FIELDS}
    metadata |= {name: Datum(SimpleNamespace(sint64=values(name)), "collection_sint64") for name in LONG_FIELDS}
    metadata |= {name: _texts(values(name)) for name in TEXT_FIELDS}
    return {f"{name}Array": datum for name, datum in metadata.items()}


def batch_bodies(messages: Sequence[ServiceBusReceivedMessage], *, as_bytes: bool) -> Datum:
    """The bodies for cardinality many, as a collection of the worker library; empty ones are missing from texts."""
    bodies = [body_of(message) for message in messages]
    if not as_bytes:
        try:
            return _texts([body.decode() for body in bodies])
        except UnicodeDecodeError:
            pass
    return Datum(SimpleNamespace(bytes=bodies), "collection_bytes")


def manual_metadata() -> dict[str, Datum]:
    """The metadata of a manual invocation."""
    return {"UserProperties": json_datum({}), "ApplicationProperties": json_datum({})}


def _json(value: Any) -> Datum:
    return Datum(json.dumps(value, default=_plain), "json")


def _texts(texts: Iterable[str | None]) -> Datum:
    return Datum(SimpleNamespace(string=[text for text in texts if text]), "collection_string")


def _time(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds")


def _plain(value: Any) -> Any:
    """Bytes as text, dates as ISO 8601, other values as str."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, str) else str(value)
