"""Misbehaving clients do not affect the others."""

import asyncio
import random

import pytest
from azure.servicebus import ServiceBusMessage

from local_azure.service_bus.amqp.frames import AMQP_HEADER, encode_frame
from local_azure.service_bus.amqp.performatives import Attach, Begin, Flow, Open, Transfer, encode_performative
from local_azure.service_bus.amqp.terminus import Terminus, encode_source, encode_target
from tests.integration.service_bus.namespace import Namespace, bodies

pytestmark = pytest.mark.asyncio(loop_scope="session")

OPENED = AMQP_HEADER + encode_frame(0, Open("bad")) + encode_frame(1, Begin(incoming_window=100))
SENDING = OPENED + encode_frame(1, Attach("s", 0, target=encode_target(Terminus("raw")), initial_delivery_count=0))


async def answer_to(namespace: Namespace, octets: bytes) -> bytes:
    """The server's bytes until it closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", namespace.emulator.port)
    writer.write(octets)
    writer.write_eof()
    async with asyncio.timeout(30):
        answer = await reader.read()
    writer.close()
    return answer


@pytest.mark.parametrize(
    ("octets", "answer"),
    [
        pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"AMQP\x03", id="HTTP"),
        pytest.param(OPENED + b"\xff" * 100, b"amqp:connection:framing-error", id="no frame"),
        pytest.param(OPENED + b"\x00\x00\x00\x0c\x02\x00\x00\x01\xff\xff\xff\xff", b"amqp:decode-error", id="garbage"),
        pytest.param(AMQP_HEADER + encode_frame(0, Flow()), b"amqp:not-allowed", id="a flow before open"),
    ],
)
async def test_invalid_bytes_close_only_their_connection(namespace: Namespace, octets: bytes, answer: bytes) -> None:
    assert answer in await answer_to(namespace, octets)


async def test_a_malformed_message_is_rejected_and_the_next_one_accepted(namespace: Namespace) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", namespace.emulator.port)
    transfer = encode_performative(Transfer(0, 0, b"t", 0))
    frame = (8 + len(transfer) + 8).to_bytes(4) + b"\x02\x00\x00\x01" + transfer + b"nonsense"

    writer.write(SENDING + frame)
    received = b""
    async with asyncio.timeout(30):
        while b"amqp:decode-error" not in received:
            received += await reader.read(4096)
    writer.close()

    sender, receiver = namespace.queue("raw")
    await sender.send_messages(ServiceBusMessage("good"))
    (message,) = await receiver.receive_messages()
    await receiver.complete_message(message)
    assert str(message) == "good"


async def test_after_hundreds_of_broken_streams_the_server_still_serves(namespace: Namespace) -> None:
    attach = encode_frame(1, Attach("r", 1, role=True, source=encode_source(Terminus("raw"))))
    valid = SENDING + attach + encode_frame(1, Flow(0, 9, 0, 9, handle=1, link_credit=9, delivery_count=0))
    chance = random.Random(1)  # noqa: S311 - makes failures reproducible

    async def disturb() -> None:
        broken = bytearray(valid)
        for _ in range(chance.randint(1, 4)):
            broken[chance.randrange(8, len(broken))] = chance.randrange(256)
        _, writer = await asyncio.open_connection("127.0.0.1", namespace.emulator.port)
        writer.write(bytes(broken[: chance.randint(8, len(broken))]))
        await writer.drain()
        writer.close()

    for _ in range(10):
        await asyncio.gather(*(disturb() for _ in range(30)))
    sender, receiver = namespace.queue("raw")
    await sender.send_messages(ServiceBusMessage("still here"))

    assert bodies(await receiver.receive_messages()) == ["still here"]
