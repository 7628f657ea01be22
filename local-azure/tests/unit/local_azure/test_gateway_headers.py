import pytest

from local_azure.gateway.headers import for_client, for_upstream, trace_parent_of

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

    forwarded = for_upstream(received, client="127.0.0.9", host="api.example")

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

    forwarded = for_upstream(received, client="127.0.0.1", host="api.example")

    assert [header for header in forwarded if not header[0].startswith(b"X-Forwarded")] == [
        (b"accept", b"a/b"),
        (b"accept", b"c/d"),
    ]


def test_a_valid_trace_is_read_and_left_to_the_gateway_to_forward() -> None:
    received = [(b"traceparent", TRACE.encode()), (b"tracestate", b"a=1")]

    assert trace_parent_of(received) == TRACE
    assert not {b"traceparent", b"tracestate"} & dict(for_upstream(received, "127.0.0.1", "api.example")).keys()


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
