"""Accepting connections while the event loop is busy."""

import asyncio
import socket

import uvloop

from local_azure.listening import COPIES, listening_socket, with_copies


async def accepted_in_one_turn(listeners: list[socket.socket]) -> int:
    """The number of waiting connections that a server accepts from these in one turn of the event loop."""
    loop = asyncio.get_running_loop()
    accepted = 0

    class Counting(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            nonlocal accepted
            accepted += 1

    address = listeners[0].getsockname()
    clients = [socket.create_connection(address) for _ in range(2 * COPIES)]
    servers = [await loop.create_server(Counting, sock=listener) for listener in listeners]
    # Connections are accepted in the first turn, and reported to their protocols in the next.
    for _ in range(2):
        await asyncio.sleep(0)
    for server in servers:
        server.close()
    for client in clients:
        client.close()
    return accepted


def test_a_server_takes_many_connections_in_a_turn_of_its_loop() -> None:
    taken = uvloop.run(accepted_in_one_turn(with_copies(listening_socket(0))))

    assert taken > COPIES / 2
