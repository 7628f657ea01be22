"""The AMQP connection from the peer's side (AMQP 1.0 part 2)."""

import pytest

from local_azure.service_bus.amqp.errors import AmqpError
from local_azure.service_bus.amqp.frames import AMQP_HEADER, EMPTY_FRAME, SASL_FRAME, SASL_HEADER, encode_frame
from local_azure.service_bus.amqp.performatives import (
    Begin,
    Close,
    Detach,
    End,
    Flow,
    Open,
    SaslInit,
    SaslOutcome,
    decode_error,
)
from tests.unit.service_bus.peer import Peer


def condition(answer: Close | End | Detach) -> str | None:
    error = decode_error(answer.error)
    return None if error is None else error.condition


def test_anonymous_sasl_opens_a_connection() -> None:
    peer = Peer()

    peer.connection.receive(SASL_HEADER)
    header = bytes(peer.written[:8])
    del peer.written[:8]
    (mechanisms,) = peer.received()
    peer.connection.receive(encode_frame(0, SaslInit("ANONYMOUS"), SASL_FRAME))
    (outcome,) = peer.received()
    peer.connection.receive(AMQP_HEADER)
    answered = bytes(peer.written)
    peer.written.clear()
    (opened,) = peer.send(Open("peer"), channel=0)

    assert header == SASL_HEADER
    assert "ANONYMOUS" in mechanisms.mechanisms
    assert outcome == SaslOutcome(0)
    assert answered == AMQP_HEADER
    assert (opened.container_id, opened.max_frame_size, opened.idle_time_out) == ("under-test", 4096, 30_000)


def test_bytes_can_arrive_one_at_a_time() -> None:
    peer = Peer()
    stream = AMQP_HEADER + encode_frame(0, Open("peer")) + encode_frame(1, Begin(incoming_window=1))

    for octet in stream:
        peer.connection.receive(bytes([octet]))

    assert peer.written.startswith(AMQP_HEADER)
    del peer.written[:8]
    assert [type(answer) for answer in peer.received()] == [Open, Begin]


def test_an_unknown_mechanism_is_refused() -> None:
    peer = Peer()
    peer.connection.receive(SASL_HEADER)
    peer.written.clear()

    peer.connection.receive(encode_frame(0, SaslInit("SCRAM-SHA-1"), SASL_FRAME))

    assert peer.received() == [SaslOutcome(1)]
    assert peer.closed


@pytest.mark.parametrize("header", [b"AMQP\x02\x01\x00\x00", b"GET / HT", b"AMQP\x00\x00\x09\x01"])
def test_another_protocol_is_answered_with_the_supported_header(header: bytes) -> None:
    peer = Peer()

    peer.connection.receive(header)

    assert peer.written == SASL_HEADER
    assert peer.closed


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        pytest.param(b"\x00\x00\x00\x07\x02\x00\x00\x00", "amqp:connection:framing-error", id="size below the header"),
        pytest.param(b"\x00\x00\x00\x08\x01\x00\x00\x00", "amqp:connection:framing-error", id="body inside the header"),
        pytest.param(b"\x00\x10\x00\x00\x02\x00\x00\x00", "amqp:connection:framing-error", id="larger than agreed"),
        pytest.param(b"\x00\x00\x00\x0a\x02\x01\x00\x00\x00\x53", "amqp:connection:framing-error", id="SASL frame"),
        pytest.param(b"\x00\x00\x00\x0a\x02\x00\x00\x00\xff\xff", "amqp:decode-error", id="no performative"),
        pytest.param(encode_frame(1, Flow()), "amqp:not-allowed", id="a frame on a channel without session"),
        pytest.param(encode_frame(11, Begin()), "amqp:not-allowed", id="a channel beyond the highest"),
        pytest.param(encode_frame(0, Open("again")), "amqp:not-allowed", id="a second open"),
    ],
)
def test_a_protocol_violation_closes_the_connection_with_the_reason(octets: bytes, expected: str) -> None:
    peer = Peer().shake_hands()

    peer.connection.receive(octets)

    closes = [answer for answer in peer.received() if isinstance(answer, Close)]
    assert [condition(close) for close in closes] == [expected]


def test_an_error_before_open_is_sent_after_an_open() -> None:
    peer = Peer()
    peer.connection.receive(AMQP_HEADER)
    peer.written.clear()

    answers = peer.send(Begin(), channel=0)

    assert [type(answer) for answer in answers] == [Open, Close]


def test_a_close_is_answered_and_ends_the_connection() -> None:
    peer = Peer().begin()
    peer.attach_sender()

    answers = peer.send(Close(), channel=0)

    assert answers == [Close()]
    assert peer.closed
    assert peer.container.nodes[0].detached == 1


def test_after_closing_this_side_waits_for_the_answer() -> None:
    peer = Peer().begin()
    peer.attach_sender()

    peer.connection.close(AmqpError("amqp:connection:forced", "the end"))
    (close,) = peer.received()
    ignored = peer.send(Flow())
    before = peer.closed
    peer.send(Close(), channel=0)

    assert condition(close) == "amqp:connection:forced"
    assert (ignored, before, peer.closed) == ([], False, True)
    assert peer.container.nodes[0].detached == 1


def test_a_peer_that_does_not_answer_a_close_is_dropped() -> None:
    peer = Peer().begin()
    peer.connection.close(AmqpError("amqp:connection:forced", "the end"))

    peer.now += 6
    peer.connection.tick()

    assert peer.closed


def test_a_silent_peer_is_closed_and_gets_heartbeats() -> None:
    peer = Peer()
    peer.connection.receive(AMQP_HEADER + encode_frame(0, Open("peer", idle_time_out=10_000)))
    peer.written.clear()

    peer.now += 5
    peer.connection.tick()
    heartbeat = bytes(peer.written)
    peer.written.clear()
    peer.now += 56
    peer.connection.tick()

    assert heartbeat == EMPTY_FRAME
    assert [condition(answer) for answer in peer.received()] == ["amqp:connection:forced"]


def test_a_heartbeat_keeps_the_connection_open() -> None:
    peer = Peer().shake_hands()

    for _ in range(5):
        peer.now += 50
        peer.connection.receive(EMPTY_FRAME)
        peer.connection.tick()

    assert peer.received() == []
    assert not peer.closed
