"""The privacy policy as a page, and as the text it is for whoever asks for no page."""

import re
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest

from shared.adapters.privacy_policies import read_policy_texts
from shared.domain.privacy_policy import PrivacyPolicy
from tests.unit.shared.test_privacy_settings import POLICY
from web.pages.errors import PageProblem
from web.pages.privacy import show_policy
from web.rendering import render
from web.visit import Language, Page

BEFORE, SINCE = datetime(2026, 11, 26, tzinfo=UTC), datetime(2026, 12, 24, tzinfo=UTC)


class Elements(HTMLParser):
    """The names of all elements, and the texts of headings."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.headings: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.names.append(tag)

    def handle_data(self, data: str) -> None:
        if self.names and self.names[-1] in ("h1", "h2") and data.strip():
            self.headings.append(data.strip())


def policy(**texts: str) -> PrivacyPolicy:
    return PrivacyPolicy({name.removeprefix("v").replace("_", "-"): text for name, text in texts.items()}, POLICY)


def html(page: object, language: Language = Language.KOREAN) -> str:
    assert isinstance(page, Page)
    return render(page.template, language, {"is_signed_in": False, **page.values})


def test_the_page_has_every_heading_and_table_of_the_text() -> None:
    texts = read_policy_texts()
    [version] = texts
    shown = Elements(html(show_policy(PrivacyPolicy(texts, POLICY), version, SINCE)))

    headings = re.findall(r"^##? (.+)$", texts[version], re.MULTILINE)
    assert [heading for heading in headings if heading not in shown.headings] == []
    assert shown.names.count("table") == len(re.findall(r"^\|---", texts[version], re.MULTILINE))
    assert shown.names.count("h1") == 1


def test_markup_in_the_text_is_shown_as_text() -> None:
    shown = html(
        show_policy(policy(v2026_12_01="# A\n\n<script>alert(1)</script> [b](javascript:alert(1))"), None, SINCE)
    )

    assert shown.count("<script") == 1  # that of every page
    assert 'href="javascript:' not in shown


def test_without_a_version_the_one_in_effect_is_shown_and_all_are_linked() -> None:
    both = policy(v2026_12_01="# old", v2026_12_20="# new")

    early, late = html(show_policy(both, None, BEFORE)), html(show_policy(both, None, SINCE))

    assert ("<h1>old</h1>" in early, "<h1>new</h1>" in late) == (True, True)
    for shown in (early, late):
        assert re.findall(r'href="/privacy/([\d-]+)"', shown) == ["2026-12-20", "2026-12-01"]
    assert "시행하는 버전입니다" in html(show_policy(both, "2026-12-01", SINCE))
    assert "시행하는 버전입니다" not in late


def test_english_pages_say_that_the_text_is_korean() -> None:
    shown = html(show_policy(policy(v2026_12_01="# 처리방침"), None, SINCE), Language.ENGLISH)

    assert '<html lang="en">' in shown
    assert '<article lang="ko">' in shown


@pytest.mark.parametrize("version", ["2026-12-02", "..", "2026-12-01.ko.md"])
def test_a_version_that_does_not_exist_is_404(version: str) -> None:
    one = policy(v2026_12_01="# A")
    with pytest.raises(PageProblem) as problem:
        show_policy(one, version, SINCE)

    assert problem.value.status == 404
