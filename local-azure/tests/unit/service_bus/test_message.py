"""Messages are decoded and encoded without changing the application's content."""

from typing import Any
from uuid import UUID

import pytest
from azure.servicebus import ServiceBusMessage, ServiceBusReceivedMessage
from azure.servicebus._pyamqp import _decode as sdk_decode
from azure.servicebus._pyamqp import _encode as sdk_encode
from azure.servicebus._transport._pyamqp_transport import PyamqpTransport
from hypothesis import given
from hypothesis import strategies as st

from local_azure.service_bus.amqp.encode import encode_value
from local_azure.service_bus.amqp.types import Described, Symbol, ULong
from local_azure.service_bus.errors import MalformedMessage
from local_azure.service_bus.message import (
    Message,
    State,
    read_message,
    split_batch,
    with_dead_letter_reason,
    write_message,
)
from tests.unit.service_bus.fakes import encoded_message


def encoded_by_the_sdk(message: ServiceBusMessage) -> bytes:
    outgoing = PyamqpTransport.to_outgoing_amqp_message(message.raw_amqp_message)
    return bytes(sdk_encode.encode_payload(bytearray(), outgoing))


def stored(encoded: bytes, **changes: Any) -> Message:
    incoming = read_message(encoded)
    parts = {
        "sequence_number": 7,
        "state": State.ACTIVE,
        "delivery_count": 2,
        "enqueued_at": 1_700_000_000_000,
        "time_to_live": incoming.time_to_live,
        "header": incoming.header,
        "annotations": incoming.annotations,
        "content": incoming.content,
    }
    return Message(**(parts | changes))


def test_a_message_of_the_sdk_is_delivered_unchanged() -> None:
    sent = ServiceBusMessage(
        b"\x00body\xff",
        message_id="id",
        subject="label",
        correlation_id="customer",
        content_type="application/json",
        application_properties={"traceparent": "00-1", "number": 5, "yes": True},
    )

    delivered = write_message(stored(encoded_by_the_sdk(sent)), locked_until=1_700_000_030_000)
    received = ServiceBusReceivedMessage.from_bytes(delivered)

    assert b"".join(received.body) == b"\x00body\xff"
    assert (received.message_id, received.subject, received.correlation_id) == ("id", "label", "customer")
    assert received.content_type == "application/json"
    assert received.application_properties == {b"traceparent": b"00-1", b"number": 5, b"yes": True}
    assert (received.sequence_number, received.delivery_count) == (7, 2)
    assert received.enqueued_time_utc is not None
    assert received.enqueued_time_utc.timestamp() == 1_700_000_000
    assert received.locked_until_utc is not None
    assert received.locked_until_utc.timestamp() == 1_700_000_030


def test_the_content_keeps_its_bytes() -> None:
    encoded = encoded_message(b"x" * 1000, message_id="1", properties={"a": UUID(int=1)}, ttl=5000)
    content = read_message(encoded).content

    delivered = write_message(stored(encoded))

    assert encoded.endswith(content)
    assert delivered.endswith(content)


def test_durable_and_priority_are_kept_and_the_broker_sets_the_time_to_live() -> None:
    header = encode_value(Described(ULong(0x70), [True, 9, None]))
    with pytest.raises(MalformedMessage):
        read_message(encode_value(Described(ULong(0x70), {})))

    delivered = write_message(stored(header + encoded_message(), time_to_live=60_000, delivery_count=3))

    decoded = sdk_decode.decode_payload(memoryview(delivered))
    assert decoded.header == (True, 9, 60_000, None, 3)


def test_annotations_of_the_sender_are_kept_except_those_of_the_broker() -> None:
    encoded = encoded_message(annotations={"x-opt-partition-key": "p", "x-opt-sequence-number": 999, "mine": 1})

    decoded = sdk_decode.decode_payload(memoryview(write_message(stored(encoded), with_state=True)))

    annotations = decoded.message_annotations or {}
    assert annotations[b"x-opt-partition-key"] == b"p"
    assert annotations[b"mine"] == 1
    assert annotations[b"x-opt-sequence-number"] == 7
    assert annotations[b"x-opt-message-state"] == State.ACTIVE


def test_time_to_live_and_enqueue_time_are_read() -> None:
    incoming = read_message(encoded_message(ttl=5000, scheduled_at=1_800_000_000_000))

    assert (incoming.time_to_live, incoming.scheduled_at) == (5000, 1_800_000_000_000)


def test_message_ids_of_different_types_are_no_duplicates() -> None:
    ids = ["1", ULong(1), b"1", UUID(int=1)]

    keys = [read_message(encoded_message(message_id=each)).duplicate_key for each in ids]

    assert len(set(keys)) == 4
    assert keys[0] == "1"
    assert read_message(encoded_message()).duplicate_key is None


@pytest.mark.parametrize("properties", [{}, {"properties": {"a": 1}}, {"properties": {"DeadLetterReason": "old"}}])
def test_dead_letter_reasons_are_added_to_the_application_properties(properties: dict[str, Any]) -> None:
    content = read_message(encoded_message(b"body", message_id="1", **properties)).content

    dead_letter = with_dead_letter_reason(content, "why", "what happened")

    received = ServiceBusReceivedMessage.from_bytes(dead_letter)
    assert received.dead_letter_reason == "why"
    assert received.dead_letter_error_description == "what happened"
    assert received.message_id == "1"
    assert b"".join(received.body) == b"body"
    assert received.application_properties is not None
    assert received.application_properties.get(b"a") == properties.get("properties", {}).get("a")


def test_without_a_reason_the_content_is_unchanged() -> None:
    content = read_message(encoded_message()).content

    assert with_dead_letter_reason(content, None, None) is content


def test_a_batch_is_split_into_its_messages() -> None:
    messages = [encoded_message(b"1" * 10), encoded_message(b"2" * 1000)]
    envelope = encode_value(Described(ULong(0x73), ["the id of the first"])) + b"".join(
        encode_value(Described(ULong(0x75), message)) for message in messages
    )

    assert split_batch(envelope) == messages


@pytest.mark.parametrize(
    "encoded",
    [
        pytest.param(b"nonsense", id="no section"),
        pytest.param(encoded_message()[:-1], id="a body that is cut off"),
        pytest.param(encode_value(Described(ULong(0x74), {})) + encoded_message(), id="sections out of order"),
        pytest.param(encode_value(Described(ULong(0x10), [])), id="a performative"),
        pytest.param(encode_value(Described(ULong(0x73), [None] * 14)), id="properties with too many fields"),
        pytest.param(
            encode_value(Described(ULong(0x72), {Symbol(f"x-{n}"): n for n in range(101)})), id="too many annotations"
        ),
    ],
)
def test_malformed_messages_are_refused(encoded: bytes) -> None:
    with pytest.raises(MalformedMessage):
        read_message(encoded)


@given(st.binary(max_size=80))
def test_any_bytes_are_a_message_or_malformed(octets: bytes) -> None:
    try:
        read_message(octets)
        split_batch(octets)
    except MalformedMessage:
        pass


def test_sections_can_have_symbolic_descriptors() -> None:
    body = encode_value(Described(Symbol("amqp:properties:list"), ["1"])) + encode_value(
        Described(Symbol("amqp:data:binary"), b"x")
    )

    incoming = read_message(body)

    assert incoming.duplicate_key == "1"
    assert incoming.content == body
