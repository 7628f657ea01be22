"""Style, script and picture: an address for each content, and small."""

import azure.functions as func
import pytest

from web.pages.static import static_response
from web.rendering import static_files, static_path


def get(digest: str, name: str) -> func.HttpResponse:
    parameters = {"digest": digest, "name": name}
    return static_response(func.HttpRequest("GET", "http://127.0.0.1/static", body=b"", route_params=parameters))


@pytest.mark.parametrize(
    ("name", "media_type", "most"),
    [("style.css", "text/css", 8192), ("page.js", "text/javascript", 4096), ("favicon.svg", "image/svg+xml", 1024)],
)
def test_each_is_small_and_kept_for_ever(name: str, media_type: str, most: int) -> None:
    _, _, digest, _ = static_path(name).split("/")
    response = get(digest, name)

    assert (response.status_code, response.mimetype) == (200, media_type)
    assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert 0 < len(response.get_body()) <= most


@pytest.mark.parametrize("name", ["style.css", "page.js", "../wiring.py", "__init__.py", ""])
@pytest.mark.parametrize("digest", ["", "0000000000000000"])
def test_neither_another_version_nor_another_file_is_there(digest: str, name: str) -> None:
    response = get(digest, name)

    assert (response.status_code, response.get_body()) == (404, b"")
    assert response.headers["Cache-Control"] == "no-store"


def test_nothing_else_lies_in_the_folder() -> None:
    assert set(static_files()) == {"style.css", "page.js", "favicon.svg"}
