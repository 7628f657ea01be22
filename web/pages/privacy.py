"""The privacy policy as a page. Its text is Korean, whatever language the rest of the page is in."""

from datetime import datetime
from functools import lru_cache
from typing import Final

from markdown_it import MarkdownIt
from markupsafe import Markup

from shared.domain.errors import NotFound
from shared.domain.privacy_policy import PrivacyPolicy
from web.pages.errors import PageProblem
from web.visit import Answer, Page

# HTML in the text is shown as it is written. Versions are few, and each takes some 20 ms to convert.
_MARKDOWN: Final = MarkdownIt("commonmark", {"html": False}).enable("table")
KEPT: Final = 16


@lru_cache(KEPT)
def _html(text: str) -> Markup:
    html = _MARKDOWN.render(text)  # the converter has escaped everything, so these are its own tables
    # Wider than a telephone, a table scrolls by itself, with the keyboard too.
    html = html.replace("<table>", '<div class="scroll" tabindex="0"><table>').replace("</table>", "</table></div>")
    return Markup(html)  # noqa: S704


def show_policy(policy: PrivacyPolicy, version: str | None, now: datetime) -> Answer:
    """A version, by default the one in effect now, with links to the others. Raises PageProblem."""
    in_effect = policy.in_effect(now)
    try:
        text = policy.text(version or in_effect)
    except NotFound:
        raise PageProblem(404, "not-found") from None
    values = {
        "html": _html(text),
        "version": version or in_effect,
        "in_effect": in_effect,
        "versions": list(reversed(policy.versions)),
    }
    return Page("privacy.html", values, headers={"Vary": "Accept, Accept-Language, Cookie"})
