"""The host of a request (RFC 9112 §3.2)."""

import pytest

from local_azure.request_host import InvalidHostError, origin_form, read_host


@pytest.mark.parametrize(
    ("sent", "host"),
    [
        (b"localhost:8080", "localhost:8080"),
        (b"my_gateway:8080", "my_gateway:8080"),
        (b"[2001:db8::1]:80", "[2001:db8::1]:80"),
        (b" a.example\t", "a.example"),
        (b"a.example:", "a.example"),
        (b"xn--o39an51b.kr", "xn--o39an51b.kr"),
    ],
)
def test_a_host_is_read_without_what_surrounds_it(sent: bytes, host: str) -> None:
    assert read_host("1.1", b"/", [sent]) == host


@pytest.mark.parametrize(
    "hosts",
    [
        [],
        [b""],
        [b" "],
        [b"a", b"a"],
        [b"", b"a"],
        [b"a,b"],
        [b"a:b"],
        [b"a@b"],
        [b"a\n"],
        [b"a\x00"],
        [b":80"],
        [b"[]"],
    ],
)
def test_http_1_1_has_exactly_one_valid_host(hosts: list[bytes]) -> None:
    with pytest.raises(InvalidHostError):
        read_host("1.1", b"/", hosts)


@pytest.mark.parametrize("hosts", [[], [b""]])
def test_http_1_0_may_be_without_a_host(hosts: list[bytes]) -> None:
    assert read_host("1.0", b"/", hosts) is None


@pytest.mark.parametrize(
    ("target", "origin"),
    [
        (b"/a?b", b"/a?b"),
        (b"*", b"*"),
        (b"http://h/a?b=http://x/y", b"/a?b=http://x/y"),
        (b"http://h", b"/"),
        (b"http://h?b", b"/?b"),
        (b"h:80", b"h:80"),
    ],
)
def test_a_whole_url_is_cut_to_its_path_and_query(target: bytes, origin: bytes) -> None:
    assert origin_form(target) == origin
