import pytest

from local_azure.gateway.headers import Forwarding, for_client, trace_parent_of

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_a_client_cannot_claim_another_origin() -> None:
    received = [
        (b"host", b"api.example"),
        (b"x-forwarded-for", b"10.0.0.1"),
        (b"x-forwarded-host", b"evil.example"),
        (b"x-forwarded-proto", b"https"),
        (b"x-forwarded-prefix", b"/evil"),
        (b"forwarded", b"for=10.0.0.1"),
    ]

    forwarded = Forwarding().for_upstream(received, client="127.0.0.9", host="api.example")

    assert forwarded == [
        (b"X-Forwarded-For", b"127.0.0.9"),
        (b"X-Forwarded-Host", b"api.example"),
        (b"X-Forwarded-Proto", b"http"),
    ]


def test_hop_by_hop_headers_are_not_forwarded() -> None:
    received = [
        (b"connection", b"close, X-Private"),
        (b"x-private", b"1"),
        (b"te", b"trailers"),
        (b"transfer-encoding", b"chunked"),
        (b"proxy-authorization", b"Basic x"),
        (b"accept", b"a/b"),
        (b"accept", b"c/d"),
    ]

    forwarded = Forwarding().for_upstream(received, client="127.0.0.1", host="api.example")

    assert [header for header in forwarded if not header[0].startswith(b"X-Forwarded")] == [
        (b"accept", b"a/b"),
        (b"accept", b"c/d"),
    ]


def renamed(*received: tuple[bytes, bytes]) -> list[tuple[bytes, bytes]]:
    """What the upstream gets of these headers, without what the gateway adds."""
    forwarding = Forwarding({"Authorization": "Shop-Authorization"})
    forwarded = forwarding.for_upstream(list(received), client="127.0.0.1", host="api.example")
    return [header for header in forwarded if not header[0].startswith(b"X-Forwarded")]


def test_a_header_goes_to_the_upstream_under_another_name_only() -> None:
    assert renamed((b"authorization", b"Bearer a"), (b"accept", b"c/d")) == [
        (b"accept", b"c/d"),
        (b"Shop-Authorization", b"Bearer a"),
    ]


def test_a_client_cannot_use_the_other_name_itself() -> None:
    assert renamed((b"shop-authorization", b"Bearer forged")) == []
    assert renamed((b"shop-authorization", b"Bearer forged"), (b"authorization", b"Bearer a")) == [
        (b"Shop-Authorization", b"Bearer a")
    ]


def test_several_values_are_joined_so_that_none_is_passed_over() -> None:
    assert renamed((b"authorization", b"Bearer a"), (b"authorization", b"Bearer b")) == [
        (b"Shop-Authorization", b"Bearer a,Bearer b")
    ]


def test_a_header_that_is_for_the_gateway_alone_is_not_renamed_either() -> None:
    assert renamed((b"connection", b"Authorization"), (b"authorization", b"Bearer a")) == []


def test_a_valid_trace_is_read_and_left_to_the_gateway_to_forward() -> None:
    received = [(b"traceparent", TRACE.encode()), (b"tracestate", b"a=1")]

    assert trace_parent_of(received) == TRACE
    forwarded = dict(Forwarding().for_upstream(received, "127.0.0.1", "api.example"))
    assert not {b"traceparent", b"tracestate"} & forwarded.keys()


@pytest.mark.parametrize(
    "wrong", [b"", b"nonsense", b"ff" + TRACE[2:].encode(), TRACE[:3].encode() + b"0" * 32 + b"-00f067aa0ba902b7-01"]
)
def test_a_wrong_trace_is_not_continued(wrong: bytes) -> None:
    assert trace_parent_of([(b"traceparent", wrong)]) is None
    assert trace_parent_of([(b"traceparent", TRACE.encode()), (b"traceparent", wrong)]) is None


def test_a_response_keeps_the_order_of_its_headers_and_repeated_ones() -> None:
    received = [
        (b"set-cookie", b"a=1"),
        (b"server", b"uvicorn"),
        (b"date", b"then"),
        (b"set-cookie", b"b=2"),
        (b"connection", b"keep-alive"),
        (b"etag", b'"1"'),
    ]

    assert for_client(received) == [(b"set-cookie", b"a=1"), (b"set-cookie", b"b=2"), (b"etag", b'"1"')]
