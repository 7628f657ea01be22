"""The port a host listens on."""

import socket

import pytest

from local_azure.functions_host.errors import StartError
from local_azure.functions_host.host import listen


def test_a_taken_port_is_an_error_with_the_fix() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(StartError, match=f"port {port}: Address already in use; stop the process that uses it"):
            listen(port)
