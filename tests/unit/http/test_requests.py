import azure.functions as func
import pytest

from shared.domain.customer import CustomerInput
from shared.domain.errors import NotFound
from shared.domain.kakao_message import KakaoMessageDraft
from shared.http.problems import Problem
from shared.http.requests import (
    JSON,
    LARGEST_BODY,
    MERGE_PATCH,
    customer_id,
    idempotency_key,
    is_retry,
    is_unchanged,
    message_id,
    path_of,
    precondition,
    read_json,
    time_left,
)
from shared.use_cases.deadline import RETRY, TIME_LEFT

GOOD = b'{"customerName": "yeon", "customerAddress": "incheon", "customerAge": "20"}'


def request(body: bytes = b"", url: str = "http://localhost/customers", **headers: str) -> func.HttpRequest:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return func.HttpRequest("POST", url, headers=named, body=body)


@pytest.mark.parametrize(
    "media_type", ["application/json", "application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"']
)
def test_json_in_utf_8_is_read(media_type: str) -> None:
    assert read_json(request(GOOD, content_type=media_type), CustomerInput).customer_age == 20


@pytest.mark.parametrize(
    "media_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json; charset=euc-kr",
        "application/jsonx",
        ";",
    ],
)
def test_any_other_media_type_is_415(media_type: str) -> None:
    with pytest.raises(Problem) as refused:
        read_json(request(GOOD, content_type=media_type), CustomerInput)

    assert refused.value.status == 415


@pytest.mark.parametrize("media_type", [MERGE_PATCH, "Application/Merge-Patch+JSON; charset=utf-8", JSON])
def test_a_merge_patch_may_say_that_it_is_one(media_type: str) -> None:
    read = read_json(request(GOOD, content_type=media_type), CustomerInput, (MERGE_PATCH, JSON))

    assert read.customer_age == 20


@pytest.mark.parametrize("media_type", ["application/json-patch+json", f"{MERGE_PATCH}; charset=euc-kr", ""])
def test_a_patch_in_another_form_is_415_and_the_answer_says_what_is_accepted(media_type: str) -> None:
    with pytest.raises(Problem) as refused:
        read_json(request(GOOD, content_type=media_type), CustomerInput, (MERGE_PATCH, JSON))

    assert (refused.value.status, refused.value.headers) == (415, {"Accept-Patch": f"{MERGE_PATCH}, {JSON}"})


def test_what_is_no_patch_is_not_read_as_one() -> None:
    with pytest.raises(Problem) as refused:
        read_json(request(GOOD, content_type=MERGE_PATCH), CustomerInput)

    assert (refused.value.status, refused.value.headers) == (415, {})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"yeon",
        b"\xff\xfe",
        b'{"customerName": "\xed\xa0\x80"}',
        b'{"a": "\\ud800"}',
        GOOD + b"x",
        b"[" * 5000,
    ],
)
def test_what_is_not_json_is_400(body: bytes) -> None:
    with pytest.raises(Problem) as refused:
        read_json(request(body, content_type="application/json"), CustomerInput)

    assert refused.value.status == 400


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"{}", ["customerName", "customerAddress", "customerAge"]),
        (b"[]", ["(body)"]),
        (b"null", ["(body)"]),
        (b'{"customerName": 5, "customerAddress": "a", "customerAge": 151}', ["customerName", "customerAge"]),
        (b'{"customerName": "a", "customerAddress": "a", "customerAge": NaN}', ["customerAge"]),
    ],
)
def test_invalid_values_are_422_and_listed_by_field(body: bytes, fields: list[str]) -> None:
    with pytest.raises(Problem) as refused:
        read_json(request(body, content_type="application/json"), CustomerInput)

    assert refused.value.status == 422
    assert [error.field for error in refused.value.errors] == fields


def test_a_body_at_the_limit_is_read_and_one_byte_more_is_413() -> None:
    at_limit = GOOD + b" " * (LARGEST_BODY - len(GOOD))

    assert read_json(request(at_limit, content_type="application/json"), CustomerInput)
    with pytest.raises(Problem) as refused:
        read_json(request(at_limit + b" ", content_type="application/json"), CustomerInput)
    assert refused.value.status == 413


def test_no_value_of_the_client_is_repeated_in_a_refusal() -> None:
    body = b'{"customerName": "secret-name\\n", "customerAddress": ["secret-address"], "customerAge": "secret-age"}'

    with pytest.raises(Problem) as refused:
        read_json(request(body, content_type="application/json"), CustomerInput)

    assert "secret" not in repr(refused.value)


@pytest.mark.parametrize("key", ["k", "0189ee3e-0000-7000-8000-000000000000", "!" * 255])
def test_an_idempotency_key_is_visible_ascii(key: str) -> None:
    assert idempotency_key(request(idempotency_key=key)) == key


@pytest.mark.parametrize("key", ["", " ", "a b", "k" * 256, "열쇠", "a\r\nSet-Cookie: x", "\x7f"])
def test_any_other_idempotency_key_is_400(key: str) -> None:
    with pytest.raises(Problem) as refused:
        idempotency_key(request(idempotency_key=key))

    assert refused.value.status == 400


@pytest.mark.parametrize(
    ("header", "versions"),
    [
        ('"1"', [1]),
        (' "12" ', [12]),
        ('"1", "2"', [1, 2]),
        ('W/"1", "2"', [2]),
        ("1", []),
        ("", []),
        ('"x"', []),
        ('"01"', []),
        ('"0"', []),
        ('"1', []),
    ],
)
def test_if_match_names_versions(header: str, versions: list[int]) -> None:
    allowed = precondition(request(if_match=header))

    assert [version for version in range(20) if allowed(version)] == versions


@pytest.mark.parametrize(
    ("header", "unchanged"),
    [('"7"', True), ('W/"7"', True), ('"6", "7"', True), ("*", True), ('"6"', False), ('"07"', False), ("7", False)],
)
def test_if_none_match_is_compared_with_the_version(header: str, unchanged: bool) -> None:
    assert is_unchanged(request(if_none_match=header), 7) is unchanged


def test_without_if_none_match_the_resource_is_sent() -> None:
    assert not is_unchanged(request(), 7)


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate, gzip", "x"])
def test_a_compressed_body_is_415_and_the_answer_says_what_is_accepted(encoding: str) -> None:
    with pytest.raises(Problem) as refused:
        read_json(request(GOOD, content_type="application/json", content_encoding=encoding), CustomerInput)

    assert (refused.value.status, refused.value.headers) == (415, {"Accept-Encoding": "identity"})


@pytest.mark.parametrize("encoding", ["", "identity", "Identity"])
def test_a_body_that_is_not_compressed_is_read(encoding: str) -> None:
    assert read_json(request(GOOD, content_type="application/json", content_encoding=encoding), CustomerInput)


def test_only_the_names_of_the_interface_are_read() -> None:
    body = b'{"customer_name": "yeon", "customer_address": "incheon", "customer_age": 20}'

    with pytest.raises(Problem) as refused:
        read_json(request(body, content_type="application/json"), CustomerInput)

    fields = [error.field for error in refused.value.errors]
    assert fields == ["customerName", "customerAddress", "customerAge"]


def test_the_choices_of_a_field_are_shown_as_they_are_sent() -> None:
    body = GOOD[:-1] + b', "kind": "canceled"}'

    with pytest.raises(Problem) as refused:
        read_json(request(body, content_type="application/json"), KakaoMessageDraft)

    [error] = refused.value.errors
    assert error.reason == "Input should be 'registered' or 'notice'"


def test_without_if_match_any_version_is_allowed() -> None:
    assert precondition(request())(7)
    assert precondition(request(if_match="*"))(7)


def test_if_none_match_forbids_the_change_of_a_version() -> None:
    allowed = precondition(request(if_none_match='"7"'))

    assert [version for version in (6, 7, 8) if allowed(version)] == [6, 8]
    assert not precondition(request(if_none_match="*"))(7)
    assert not precondition(request(if_match='"7"', if_none_match='"7"'))(7)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("http://localhost:7071/customers/1?size=2", "/customers/1"),
        ("https://a.example", "/"),
        ("/customers?x=http://b", "/customers"),
    ],
)
def test_a_path_has_neither_host_nor_query(url: str, path: str) -> None:
    assert path_of(request(url=url)) == path


ID = "0189ee3e-0000-7000-8000-000000000001"
NOT_IDS = ["", "1", "../x", "x" * 5000, ID.upper(), f" {ID}", ID.replace("-", "")]


def request_for(resource_id: str) -> func.HttpRequest:
    return func.HttpRequest("GET", "http://localhost", route_params={"id": resource_id}, body=b"")


def test_ids_are_parsed_from_the_path() -> None:
    assert customer_id(request_for(ID)) == ID
    assert message_id(request_for(f"{ID}.canceled")) == f"{ID}.canceled"


@pytest.mark.parametrize("text", [*NOT_IDS, f"{ID}.registered"])
def test_a_text_that_cannot_be_the_id_of_a_customer_is_not_found(text: str) -> None:
    with pytest.raises(NotFound):
        customer_id(request_for(text))


@pytest.mark.parametrize("text", [*NOT_IDS, ID, f"{ID}.", f"{ID}.nonsense", f"{ID}.notice.notice"])
def test_a_text_that_cannot_be_the_id_of_a_message_is_not_found(text: str) -> None:
    with pytest.raises(NotFound):
        message_id(request_for(text))


@pytest.mark.parametrize(("header", "seconds"), [("1.482", 1.482), ("15", 15), ("-0.003", -0.003)])
def test_a_service_says_how_long_it_waits(header: str, seconds: float) -> None:
    assert time_left(func.HttpRequest("POST", "/", headers={TIME_LEFT: header}, body=b"")) == seconds


def test_without_the_header_nothing_is_known_about_the_caller() -> None:
    assert time_left(request()) is None


@pytest.mark.parametrize("header", ["", "soon", "1e9", "nan", "99999", "1.5s"])
def test_a_time_that_is_none_is_400(header: str) -> None:
    with pytest.raises(Problem) as refused:
        time_left(func.HttpRequest("POST", "/", headers={TIME_LEFT: header}, body=b""))

    assert refused.value.status == 400


def test_a_request_is_a_retry_only_if_it_says_so() -> None:
    assert not is_retry(request())
    for header, expected in (("?1", True), ("?0", False)):
        assert is_retry(func.HttpRequest("POST", "/", headers={RETRY: header}, body=b"")) is expected


@pytest.mark.parametrize("header", ["", "1", "true", "?2", "?1;a"])
def test_a_retry_that_is_no_boolean_is_400(header: str) -> None:
    with pytest.raises(Problem) as refused:
        is_retry(func.HttpRequest("POST", "/", headers={RETRY: header}, body=b""))

    assert refused.value.status == 400
