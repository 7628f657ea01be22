"""Listening sockets on the loopback address."""

import socket

HOST = "127.0.0.1"
BACKLOG = 2048
COPIES = 15


def listening_socket(port: int) -> socket.socket:
    """Listens on `port` (0: a free one). Raises OSError if it is taken."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def inherited_socket(descriptor: int) -> socket.socket:
    """The listening socket that the parent process handed over. Programs that this process starts do not inherit it.

    Raises OSError if `descriptor` is not a socket.
    """
    listener = socket.socket(fileno=descriptor)
    listener.set_inheritable(False)
    return listener


def with_copies(listener: socket.socket) -> list[socket.socket]:
    """The listener and copies of it; a server should accept from all of them.

    uvloop accepts one connection per listener and turn of its loop. Under load a turn takes many milliseconds, and the
    last of a hundred simultaneous clients waited seconds for its connection.
    """
    return [listener, *(listener.dup() for _ in range(COPIES))]
