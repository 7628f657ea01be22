import base64

import azure.functions as func
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.http.paging import cursor, read_page_request
from shared.http.problems import Problem


def request(**query: str) -> func.HttpRequest:
    return func.HttpRequest("GET", "http://localhost/customers", params=query, body=b"")


def test_without_a_query_the_page_has_the_first_twenty() -> None:
    requested = read_page_request(request())

    assert (requested.size, requested.after) == (20, None)


@pytest.mark.parametrize("size", ["1", "100"])
def test_sizes_from_one_to_a_hundred_are_accepted(size: str) -> None:
    assert read_page_request(request(size=size)).size == int(size)


@pytest.mark.parametrize("size", ["0", "101", "-1", "1.5", "", " 1", "ten", "99999999999999999999", "١"])
def test_other_sizes_are_refused_by_name(size: str) -> None:
    with pytest.raises(Problem) as refused:
        read_page_request(request(size=size))

    assert (refused.value.status, refused.value.errors[0].field) == (400, "size")


@given(st.text("0123456789abcdefTZ:.-", min_size=1, max_size=100))
def test_a_cursor_leads_back_to_its_position(position: str) -> None:
    requested = read_page_request(request(cursor=cursor(position)))

    assert requested.after == position


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "%%%",
        "한글",
        "a" * 2000,
        base64.urlsafe_b64encode(b'{"a": 1}').decode(),
        base64.urlsafe_b64encode(b"' OR 1=1 --").decode(),
        base64.urlsafe_b64encode("홍길동".encode()).decode(),
        base64.urlsafe_b64encode(b"\xed\xa0\x80").decode(),
        base64.urlsafe_b64encode(b"1\n").decode(),
    ],
)
def test_a_malformed_cursor_is_refused(text: str) -> None:
    with pytest.raises(Problem) as refused:
        read_page_request(request(cursor=text))

    assert (refused.value.status, refused.value.errors[0].field) == (400, "cursor")


@pytest.mark.parametrize(
    "query", [{"page": "1"}, {"page": ""}, {"sort": "customerName,desc"}, {"page": "0", "size": "5"}]
)
def test_the_paging_of_the_original_system_is_refused_by_name(query: dict[str, str]) -> None:
    with pytest.raises(Problem) as refused:
        read_page_request(request(**query))

    [error] = refused.value.errors
    assert (refused.value.status, error.field) == (400, next(iter(query)))
    assert "not supported" in error.reason
