import json
from http import HTTPStatus

import pytest

from local_azure.gateway.problems import problem, route_index


def test_a_problem_is_a_problem_details_document() -> None:
    answer = problem(HTTPStatus.NOT_FOUND, "No such route.", "/x", routes=["/a"])

    assert answer.status == 404
    assert dict(answer.headers)[b"content-type"] == b"application/problem+json"
    assert dict(answer.headers)[b"content-length"] == str(len(answer.body)).encode()
    assert json.loads(answer.body) == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "No such route.",
        "instance": "/x",
        "routes": ["/a"],
    }


@pytest.mark.parametrize(("status", "says_when"), [(502, True), (503, True), (504, False), (413, False)])
def test_only_a_missing_upstream_has_retry_after(status: int, says_when: bool) -> None:
    answer = problem(HTTPStatus(status), "", "/")

    assert (b"retry-after" in dict(answer.headers)) is says_when


def test_the_index_is_html_for_a_browser_and_json_for_others() -> None:
    page = route_index(["/a<b"], "text/html,*/*")
    document = route_index(["/a<b"], "*/*")

    assert b'<a href="/a&lt;b">' in page.body
    assert json.loads(document.body) == {"routes": ["/a<b"]}
