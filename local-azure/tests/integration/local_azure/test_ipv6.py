"""Another program on ::1, where `localhost` leads first."""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local_azure.stack import Stack
from local_azure.supervisor import ports
from local_azure.supervisor.events import Event
from local_azure.supervisor.lifecycle import StackOptions
from local_azure.supervisor.ports import ConfiguredPort, free_ports, shadowed


@contextmanager
def listening_on_ipv6(port: int, address: str = "::1") -> Iterator[None]:
    try:
        with socket.create_server((address, port), family=socket.AF_INET6):
            yield
    except OSError as error:
        pytest.skip(f"this machine has no IPv6: {error}")


def test_another_program_on_the_port_is_named_when_the_stack_is_up(tmp_path: Path) -> None:
    config = tmp_path / "local-azure.toml"
    port = free_ports()()
    config.write_text(f"[gateway]\nport = {port}\n")
    events: list[Event] = []

    with (
        listening_on_ipv6(port),
        Stack.start_in_background(StackOptions(config), tmp_path / "state", events.append),
    ):
        pass

    notice = str(events[-1])
    assert f"(process {os.getpid()})" in notice or sys.platform != "linux"
    assert f"listens on [::1]:{port}, and `localhost:{port}` may lead there" in notice
    assert f"Call 127.0.0.1:{port}" in notice
    assert "gateway.port" in notice


def test_a_port_that_is_free_on_ipv6_needs_no_warning() -> None:
    port = free_ports()()

    assert shadowed([ConfiguredPort("gateway", "gateway.port", port)], {"gateway": port}) == []


def test_a_free_port_is_free_on_ipv6_too() -> None:
    port = free_ports()()
    with listening_on_ipv6(port):
        assert free_ports()() != port


def test_without_ipv6_there_is_nothing_to_warn_of(monkeypatch: pytest.MonkeyPatch) -> None:
    # 2001:db8::/32 leads nowhere (RFC 3849), as ::1 does where IPv6 is switched off.
    monkeypatch.setattr(ports, "HOST_IPV6", "2001:db8::1")
    monkeypatch.setattr(ports, "CONNECT_TIMEOUT_SECONDS", 30.0)

    assert shadowed([ConfiguredPort("gateway", "gateway.port", 1)], {"gateway": 1}) == []
