"""AMQP sessions and links from the peer's side (AMQP 1.0 §2.5, §2.6)."""

from dataclasses import replace

import pytest

from local_azure.service_bus.amqp.incoming import LINK_CREDIT
from local_azure.service_bus.amqp.outcomes import Accepted, Rejected, decode_outcome
from local_azure.service_bus.amqp.performatives import (
    Attach,
    Begin,
    Close,
    Detach,
    Disposition,
    End,
    Flow,
    Transfer,
    decode_error,
)
from local_azure.service_bus.amqp.session import FIRST_OUTGOING_ID, INCOMING_WINDOW
from local_azure.service_bus.amqp.types import Described, ULong
from tests.unit.service_bus.peer import LIMITS, Peer


def condition(answer: Close | End | Detach) -> str | None:
    error = decode_error(answer.error)
    return None if error is None else error.condition


def test_a_refused_link_has_no_terminus_and_is_closed_with_the_reason() -> None:
    peer = Peer().begin()

    attach, detach = peer.attach_sender("refused")
    receiver, detached = peer.attach_receiver("refused", handle=1)
    ignored = peer.send_transfer(Transfer(0, 0, b"t"), b"payload")

    assert (attach.target, condition(detach), detach.closed) == (None, "amqp:not-found", True)
    assert (receiver.source, condition(detached)) == (None, "amqp:not-found")
    assert ignored == []


def test_a_link_with_a_malformed_terminus_is_refused() -> None:
    peer = Peer().begin()

    attach, detach = peer.send(Attach("malformed", 0, target=Described(ULong(0x29), [5])))
    another, flow = peer.attach_sender(handle=1)

    assert (attach.target, condition(detach), detach.closed) == (None, "amqp:decode-error", True)
    assert (another.handle, flow.link_credit) == (1, LINK_CREDIT)


def test_a_sender_gets_credit_and_more_when_half_of_it_is_used() -> None:
    peer = Peer().begin()

    attach, flow = peer.attach_sender()
    flows = [
        answer
        for number in range(LINK_CREDIT // 2)
        for answer in peer.send_transfer(Transfer(0, number, b"t", 0), b"x")
        if isinstance(answer, Flow)
    ]

    assert attach.max_message_size == 10_000
    assert flow.link_credit == LINK_CREDIT
    assert [(each.delivery_count, each.link_credit) for each in flows] == [(LINK_CREDIT // 2, LINK_CREDIT)]
    assert len(peer.container.nodes[0].deliveries) == LINK_CREDIT // 2


def test_a_delivery_can_have_several_frames() -> None:
    peer = Peer().begin()
    peer.attach_sender()

    peer.send_transfer(Transfer(0, 5, b"t", 0x80013700, more=True), b"abc")
    peer.send_transfer(Transfer(0, more=True), b"def")
    peer.send_transfer(Transfer(0), b"g")
    (delivery,) = peer.container.nodes[0].deliveries
    delivery.accept()
    (accepted,) = peer.received()

    assert (delivery.payload, delivery.message_format, delivery.delivery_id) == (b"abcdefg", 0x80013700, 5)
    assert (accepted.role, accepted.first, accepted.settled) == (True, 5, True)
    assert decode_outcome(accepted.state) == Accepted()


def test_an_aborted_delivery_is_discarded() -> None:
    peer = Peer().begin()
    peer.attach_sender()

    peer.send_transfer(Transfer(0, 0, b"t", more=True), b"abc")
    peer.send_transfer(Transfer(0, aborted=True), b"")
    peer.send_transfer(Transfer(0, 1, b"u"), b"whole")

    assert [delivery.payload for delivery in peer.container.nodes[0].deliveries] == [b"whole"]


@pytest.mark.parametrize("frames", [1, 4])
def test_a_message_beyond_the_limit_is_rejected_and_not_kept(frames: int) -> None:
    peer = Peer(replace(LIMITS, max_frame_size=20_000)).begin()
    peer.attach_sender()

    for number in range(frames):
        more = number < frames - 1
        answers = peer.send_transfer(Transfer(0, 0, b"t", more=more), b"x" * (12_000 // frames))
    (rejected,) = answers

    outcome = decode_outcome(rejected.state)
    assert isinstance(outcome, Rejected)
    assert outcome.error is not None
    assert outcome.error.condition == "amqp:link:message-size-exceeded"
    assert peer.container.nodes[0].deliveries == []
    peer.send_transfer(Transfer(0, 1, b"u"), b"small")
    assert len(peer.container.nodes[0].deliveries) == 1


def test_a_settled_transfer_gets_no_answer() -> None:
    peer = Peer().begin()
    peer.attach_sender()

    peer.send_transfer(Transfer(0, 0, b"t", settled=True), b"x")
    peer.container.nodes[0].deliveries[0].accept()

    assert peer.received() == []


def test_messages_are_sent_only_with_credit() -> None:
    peer = Peer().begin()
    peer.attach_receiver()
    node = peer.container.nodes[0]

    before = node.link.sendable
    peer.send(peer.flow(handle=0, delivery_count=0, link_credit=1))
    node.link.send(b"payload", b"tag", settled=False)
    ((transfer, payload),) = peer.received()

    assert (before, node.sendable, node.link.sendable) == (False, 1, False)
    assert (transfer.delivery_id, transfer.delivery_tag, payload) == (FIRST_OUTGOING_ID, b"tag", b"payload")


def test_a_large_message_is_split_to_the_peers_frame_size() -> None:
    peer = Peer().begin()
    peer.attach_receiver(credit=1)

    peer.container.nodes[0].link.send(b"x" * 3000, b"t", settled=False)
    sizes = frame_sizes(bytes(peer.written))
    answers = peer.received()

    assert max(sizes) <= 1024
    assert b"".join(payload for _, payload in answers) == b"x" * 3000
    assert [transfer.more for transfer, _ in answers] == [True] * (len(answers) - 1) + [False]
    assert {transfer.delivery_id for transfer, _ in answers} == {FIRST_OUTGOING_ID}


def frame_sizes(stream: bytes) -> list[int]:
    sizes, at = [], 0
    while at < len(stream):
        sizes.append(int.from_bytes(stream[at : at + 4]))
        at += sizes[-1]
    return sizes


def test_frames_beyond_the_session_window_are_queued() -> None:
    peer = Peer().begin(window=2)
    peer.attach_receiver(credit=0)
    node = peer.container.nodes[0]
    peer.send(peer.flow(window=2, handle=0, delivery_count=0, link_credit=5))

    node.link.send(b"x" * 3000, b"t", settled=False)
    first = peer.received()
    blocked = node.link.sendable
    rest = peer.send(Flow(next_incoming_id=FIRST_OUTGOING_ID + 2, incoming_window=100, outgoing_window=0))

    assert len(first) == 2
    assert not blocked
    assert b"".join(payload for _, payload in first + rest) == b"x" * 3000
    assert node.link.sendable


def test_a_window_opened_by_the_flow_of_one_link_is_open_for_all() -> None:
    peer = Peer().begin(window=0)
    peer.attach_receiver(handle=0)
    peer.attach_receiver("other", handle=1)
    node, other = peer.container.nodes
    peer.send(peer.flow(window=0, handle=0, delivery_count=0, link_credit=5))
    peer.send(peer.flow(window=0, handle=1, delivery_count=0, link_credit=5))
    calls_before = other.sendable

    peer.send(peer.flow(window=10, handle=0, delivery_count=0, link_credit=5))

    assert (calls_before, other.sendable) == (0, 1)
    assert node.sendable >= 1


def test_a_full_socket_stops_messages() -> None:
    peer = Peer().begin()
    peer.attach_receiver(credit=5)
    node = peer.container.nodes[0]

    peer.connection.set_writable(False)
    blocked = node.link.sendable
    calls_before = node.sendable
    peer.connection.set_writable(True)

    assert not blocked
    assert node.link.sendable
    assert node.sendable == calls_before + 1


def test_draining_returns_the_credit() -> None:
    peer = Peer().begin()
    peer.attach_receiver(credit=5)

    (answer,) = peer.send(peer.flow(handle=0, delivery_count=0, link_credit=5, drain=True))

    assert (answer.delivery_count, answer.link_credit, answer.drain) == (5, 0, True)


def test_outcomes_reach_the_node_once_and_the_node_settles_them() -> None:
    peer = Peer().begin()
    peer.attach_receiver(credit=5)
    node = peer.container.nodes[0]
    for number in range(3):
        node.link.send(b"x", bytes([number]), settled=False)
    peer.received()
    state = Described(ULong(0x24), [])

    first = FIRST_OUTGOING_ID
    peer.send(Disposition(True, first, first + 1, state=state), Disposition(True, first, first + 2, True, state))
    node.link.settle(first, Accepted())
    (answer,) = peer.received()

    accepted = Accepted()
    assert node.outcomes == [
        (first, b"\x00", accepted, False),
        (first + 1, b"\x01", accepted, False),
        (first + 2, b"\x02", accepted, True),
    ]
    assert (answer.role, answer.first, answer.last, answer.settled) == (False, first, first, True)


def test_a_disposition_of_four_billion_deliveries_is_cheap() -> None:
    peer = Peer().begin()
    peer.attach_receiver(credit=5)
    peer.container.nodes[0].link.send(b"x", b"t", settled=False)

    peer.send(Disposition(True, 0, 2**32 - 1, True, Described(ULong(0x24), [])))

    assert len(peer.container.nodes[0].outcomes) == 1


def test_the_incoming_window_is_kept_open() -> None:
    peer = Peer().begin()
    peer.attach_sender()

    windows = [
        answer.incoming_window
        for number in range(INCOMING_WINDOW)
        for answer in peer.send_transfer(Transfer(0, number, b"t", settled=True), b"x")
        if isinstance(answer, Flow)
    ]

    assert set(windows) == {INCOMING_WINDOW}
    assert len(windows) >= 2


def test_a_flow_with_echo_is_answered() -> None:
    peer = Peer().begin()

    (answer,) = peer.send(peer.flow(echo=True))

    assert (answer.next_incoming_id, answer.handle) == (0, None)


def test_a_detach_after_the_end_of_its_session_is_ignored() -> None:
    peer = Peer().begin()
    peer.attach_sender()

    answers = peer.send(End(), Detach(0, closed=True))

    assert answers == [End()]
    assert not peer.closed
    assert peer.container.nodes[0].detached == 1
    assert isinstance(peer.send(Begin())[0], Begin)


def test_a_detach_is_answered() -> None:
    peer = Peer().begin()
    peer.attach_sender()

    assert peer.send(Detach(0, closed=True)) == [Detach(0, closed=True)]
    assert peer.container.nodes[0].detached == 1


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (Transfer(9, 0, b"t"), "amqp:session:unattached-handle"),
        (Attach("again", 0), "amqp:session:handle-in-use"),
    ],
)
def test_a_wrong_handle_ends_only_the_session(frame: Transfer | Attach, expected: str) -> None:
    peer = Peer().begin()
    peer.attach_sender()

    (end,) = peer.send(frame)

    assert condition(end) == expected
    assert not peer.closed
    assert peer.send(End()) == []


def test_nothing_is_sent_after_the_end() -> None:
    peer = Peer().begin()
    peer.attach_sender()
    peer.attach_receiver(handle=1, credit=5)
    sender, receiver = peer.container.nodes
    peer.send_transfer(Transfer(0, 0, b"t"), b"x")
    peer.send(End())

    sender.deliveries[0].accept()
    receiver.link.settle(FIRST_OUTGOING_ID, Accepted())

    assert peer.received() == []
    assert not receiver.link.sendable
