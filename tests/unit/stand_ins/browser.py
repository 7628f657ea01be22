"""Somebody who signs in at the stand-in for Entra ID with a browser that has no scripts."""

from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlsplit

import aiohttp


class _Controls(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        if tag in ("input", "button"):
            self.found.append((given.get("name") or "", given.get("value") or ""))


def controls_of(page: str) -> list[tuple[str, str]]:
    """The form controls of a page: names and values."""
    return _Controls(page).found


async def choose(
    session: aiohttp.ClientSession, url: str, person: str = "yeon", *roles: str
) -> tuple[str, dict[str, str]]:
    """Opens the page and chooses a person: where the browser is sent then, and with which query."""
    async with session.get(url) as response:
        assert response.status == 200, await response.text()
        controls = controls_of(await response.text())
    chosen = [(name, value) for name, value in controls if name not in ("", "person", "role", "cancel")]
    form = [*chosen, ("person", person), *(("role", role) for role in roles)]
    async with session.post(url.partition("?")[0], data=aiohttp.FormData(form), allow_redirects=False) as response:
        location = urlsplit(response.headers["Location"])
    return f"{location.scheme}://{location.netloc}{location.path}", dict(parse_qsl(location.query))
