"""The codec against that of azure-servicebus, and against malformed bytes."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from azure.servicebus._pyamqp import _decode as sdk_decode
from azure.servicebus._pyamqp import _encode as sdk_encode
from azure.servicebus._pyamqp.performatives import AttachFrame, FlowFrame, OpenFrame, TransferFrame
from hypothesis import given
from hypothesis import strategies as st

from local_azure.service_bus.amqp.decode import decode_value, skip_value
from local_azure.service_bus.amqp.encode import encode_value
from local_azure.service_bus.amqp.errors import AmqpError, DecodeError
from local_azure.service_bus.amqp.frames import disposition_frame, encode_frame, transfer_frame
from local_azure.service_bus.amqp.outcomes import Accepted, Modified, Rejected, Released, decode_outcome, encode_outcome
from local_azure.service_bus.amqp.performatives import (
    Attach,
    Begin,
    Close,
    Detach,
    Disposition,
    Flow,
    Open,
    Transfer,
    decode_performative,
    encode_error,
    encode_performative,
)
from local_azure.service_bus.amqp.types import (
    Array,
    Described,
    Int,
    Symbol,
    Timestamp,
    UByte,
    UInt,
    ULong,
    UShort,
)

ascii_text = st.text(st.characters(max_codepoint=127), max_size=300)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(0, 255).map(UByte),
    st.integers(0, 2**16 - 1).map(UShort),
    st.integers(0, 2**32 - 1).map(UInt),
    st.integers(0, 2**64 - 1).map(ULong),
    st.integers(-(2**31), 2**31 - 1).map(Int),
    st.integers(-(2**62), 2**62).map(Timestamp),
    st.floats(allow_nan=False),
    st.text(max_size=300),
    st.binary(max_size=300),
    st.uuids(),
    ascii_text.map(Symbol),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=6),
        st.dictionaries(st.one_of(st.text(max_size=8), st.integers(0, 9), ascii_text.map(Symbol)), inner, max_size=6),
        st.builds(Described, st.integers(0, 255).map(ULong), inner),
    ),
    max_leaves=12,
)


@given(values)
def test_a_value_survives_encoding_and_decoding(value: Any) -> None:
    encoded = encode_value(value)

    assert decode_value(encoded) == (value, len(encoded))


@given(values, st.binary(max_size=5))
def test_skipping_ends_where_decoding_ends(value: Any, following: bytes) -> None:
    encoded = encode_value(value)

    assert skip_value(encoded + following, 0) == len(encoded)


@given(scalars)
def test_the_sdk_decodes_our_values(value: Any) -> None:
    encoded = memoryview(encode_value(value))

    _, decoded = sdk_decode._DECODE_BY_CONSTRUCTOR[encoded[0]](encoded[1:])

    text = isinstance(value, str)
    assert (decoded.decode() if text else decoded) == value


@given(st.one_of(st.none(), st.booleans(), st.integers(-(2**31), 2**31 - 1), st.text(), st.binary(), st.uuids()))
def test_values_of_the_sdk_are_decoded(value: Any) -> None:
    output = bytearray()
    sdk_encode.encode_value(output, value)

    assert decode_value(bytes(output)) == (value, len(output))


@pytest.mark.parametrize(
    "array",
    [
        Array(),
        Array([Symbol("a"), Symbol("bc")]),
        Array([Timestamp(1), Timestamp(2)]),
        Array([1, -1]),
        Array([UUID(int=1), UUID(int=2)]),
        Array(["x" * 300, "y"]),
    ],
)
def test_arrays_are_decoded_by_the_sdk_and_by_us(array: list[Any]) -> None:
    encoded = encode_value(array)

    assert decode_value(encoded) == (array, len(encoded))
    _, decoded = sdk_decode._DECODE_BY_CONSTRUCTOR[encoded[0]](memoryview(encoded)[1:])
    assert [each.decode() if isinstance(each, bytes) else each for each in decoded] == array


@given(st.binary(max_size=60))
def test_any_bytes_are_decoded_or_refused_as_malformed(octets: bytes) -> None:
    for read in (lambda: decode_value(octets), lambda: skip_value(octets, 0), lambda: decode_performative(octets)):
        try:
            read()
        except DecodeError:
            continue


@given(st.data())
def test_a_truncated_value_is_malformed(data: st.DataObject) -> None:
    encoded = encode_value(data.draw(values))
    cut = data.draw(st.integers(0, len(encoded) - 1))

    with pytest.raises(DecodeError):
        decode_value(encoded[:cut])
    with pytest.raises(DecodeError):
        skip_value(encoded[:cut], 0)


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(b"\xc0\x01" * 40_000, id="endless nesting"),
        pytest.param(b"\x00" * 40_000, id="endless descriptors"),
        pytest.param(b"\xf0\x00\x00\x00\x05\x7f\xff\xff\xff\x40", id="two billion nulls in ten bytes"),
        pytest.param(b"\xd0\x00\x00\x00\x04\x7f\xff\xff\xff", id="a list without its elements"),
        pytest.param(b"\xc1\x02\x01\x40", id="a key without a value"),
        pytest.param(b"\xc1\x04\x02\x45\x40\x40", id="a list as a key"),
        pytest.param(b"\xa1\x02\xff\xfe", id="text that is not UTF-8"),
        pytest.param(b"\xc0\x05\x01\x40\x40\x40\x40", id="a size beyond the elements"),
        pytest.param(b"\x57", id="an unknown constructor"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_malformed_values_are_refused(octets: bytes) -> None:
    with pytest.raises(DecodeError):
        decode_value(octets)


def _by_the_sdk(frame: bytes) -> tuple[int, list[Any]]:
    return sdk_decode.decode_frame(memoryview(frame)[8:])


def test_the_sdk_reads_our_frames() -> None:
    error = encode_error(AmqpError("amqp:not-found", "no such queue"))

    opened = _by_the_sdk(encode_frame(0, Open("me", max_frame_size=65536, idle_time_out=120_000)))
    begun = _by_the_sdk(encode_frame(1, Begin(remote_channel=1, incoming_window=7, outgoing_window=8)))
    detached = _by_the_sdk(encode_frame(1, Detach(3, closed=True, error=error)))
    closed = _by_the_sdk(encode_frame(0, Close(error)))

    assert opened[1][:5] == [b"me", None, 65536, 65535, 120_000]
    assert begun[1][:4] == [1, 0, 7, 8]
    assert detached[1] == [3, True, [b"amqp:not-found", b"no such queue", {}]]
    assert closed[1] == [[b"amqp:not-found", b"no such queue", {}]]


@pytest.mark.parametrize("size", [0, 1, 300, 70_000])
@pytest.mark.parametrize(("settled", "more"), [(True, False), (False, True)])
def test_the_sdk_reads_our_transfers(size: int, settled: bool, more: bool) -> None:
    frame = transfer_frame(5, (3, 2**30, b"t" * 16), b"p" * size, settled=settled, more=more)

    code, fields = _by_the_sdk(frame)

    assert int.from_bytes(frame[:4]) == len(frame)
    assert frame[6:8] == b"\x00\x05"
    assert (code, fields[:6]) == (20, [3, 2**30, b"t" * 16, 0, settled, more])
    assert bytes(fields[11]) == b"p" * size


@pytest.mark.parametrize("description", ["short", "long " * 100])
def test_the_sdk_reads_our_dispositions(description: str) -> None:
    state = encode_outcome(Rejected(AmqpError("com.microsoft:server-busy", description)))

    code, fields = _by_the_sdk(disposition_frame(1, 0x42, (4, 6), state))

    assert (code, fields[:4]) == (21, [False, 4, 6, True])
    assert fields[4] == {"rejected": [[b"com.microsoft:server-busy", description.encode(), {}]]}


def test_frames_of_the_sdk_are_decoded() -> None:
    def encoded(kind: Any, **fields: Any) -> bytes:
        return bytes(sdk_encode.encode_frame(kind(**dict.fromkeys(kind._fields) | fields))[1] or b"")

    opened, _ = decode_performative(encoded(OpenFrame, container_id="c", hostname="h", max_frame_size=1024))
    windows = {"next_incoming_id": 1, "incoming_window": 2, "next_outgoing_id": 3, "outgoing_window": 4}
    flow, _ = decode_performative(encoded(FlowFrame, **windows, link_credit=9))
    start = {"handle": 1, "delivery_id": 2, "delivery_tag": b"x", "message_format": 0x80013700}
    body = encoded(TransferFrame, **start, payload=b"pp")
    transfer, payload_at = decode_performative(body)
    attach, _ = decode_performative(encoded(AttachFrame, name="n", handle=1, role=True, send_settle_mode=1))

    assert opened == Open("c", "h", max_frame_size=1024)
    assert flow == Flow(1, 2, 3, 4, link_credit=9)
    assert (transfer, body[payload_at:]) == (Transfer(1, 2, b"x", 0x80013700), b"pp")
    assert attach == Attach("n", 1, role=True, snd_settle_mode=1)


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(Described(ULong(0x14), ["1", UInt(1)]), id="a handle that is text"),
        pytest.param(Described(ULong(0x13), []), id="a flow without windows"),
        pytest.param(Described(ULong(0x16), [None]), id="a detach whose handle is null"),
        pytest.param(Described(ULong(0x18), [None, None]), id="a close with two fields"),
        pytest.param(Described(ULong(0x99), []), id="an unknown performative"),
        pytest.param(Described(Symbol("amqp:open:list"), []), id="a performative by name"),
        pytest.param([1], id="no performative at all"),
    ],
)
def test_malformed_performatives_are_refused(frame: Any) -> None:
    with pytest.raises(DecodeError):
        decode_performative(encode_value(frame))


def test_null_and_missing_fields_get_their_defaults() -> None:
    performative, _ = decode_performative(encode_value(Described(ULong(0x10), ["c", None, None])))

    assert performative == Open("c", None, 2**32 - 1, 65535)


@pytest.mark.parametrize(
    "outcome", [Accepted(), Released(), Modified(delivery_failed=True, undeliverable_here=True), Rejected()]
)
def test_outcomes_survive_the_wire(outcome: Any) -> None:
    body = encode_performative(Disposition(True, 1, state=decode_value(encode_outcome(outcome))[0]))

    disposition, _ = decode_performative(body)

    assert decode_outcome(disposition.state) == outcome


def test_a_rejection_carries_its_error() -> None:
    error = AmqpError("com.microsoft:dead-letter", "because", {"DeadLetterReason": "r"})

    outcome = decode_outcome(decode_value(encode_outcome(Rejected(error)))[0])

    assert isinstance(outcome, Rejected)
    assert outcome.error is not None
    assert (outcome.error.condition, outcome.error.details) == (error.condition, error.details)


def test_timestamps_are_milliseconds() -> None:
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    output = bytearray()
    sdk_encode.encode_timestamp(output, moment)

    assert decode_value(bytes(output))[0] == Timestamp(moment.timestamp() * 1000)
