import base64

import azure.functions as func
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.http.paging import cursor, page_request
from shared.http.problems import Problem


def asking(**query: str) -> func.HttpRequest:
    return func.HttpRequest("GET", "http://localhost/customers", params=query, body=b"")


def test_without_a_query_the_first_twenty_are_asked_for() -> None:
    asked = page_request(asking())

    assert (asked.size, asked.after) == (20, None)


@pytest.mark.parametrize("size", ["1", "100"])
def test_sizes_from_one_to_a_hundred_are_taken(size: str) -> None:
    assert page_request(asking(size=size)).size == int(size)


@pytest.mark.parametrize("size", ["0", "101", "-1", "1.5", "", " 1", "ten", "99999999999999999999", "١"])
def test_other_sizes_are_refused_by_name(size: str) -> None:
    with pytest.raises(Problem) as refused:
        page_request(asking(size=size))

    assert (refused.value.status, refused.value.errors[0].field) == (400, "size")


@given(st.text("0123456789abcdefTZ:.-", min_size=1, max_size=100))
def test_a_cursor_leads_back_to_its_position(position: str) -> None:
    asked = page_request(asking(cursor=cursor(position)))

    assert asked.after == position


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
        page_request(asking(cursor=text))

    assert (refused.value.status, refused.value.errors[0].field) == (400, "cursor")
