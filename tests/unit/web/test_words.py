"""Every text there is in both languages, every text that is named exists, and every page shows values as text."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from string import Formatter
from typing import Any
from uuid import UUID

import pytest

from tests.unit.web.apps import CANCELED_AT, MESSAGES, REGISTERED_AT, UPDATED_AT, YEON
from tests.unit.web.browser import LONGEST_PAGE, Html
from web.pages.fields import ADDRESS, AGE, CONSENT, KINDS, NAME, OLD_ENOUGH, OTHER, PHONE, ROAD, FieldError
from web.pages.own import Own, State
from web.pages.postcode import SCRIPT
from web.pages.register import CHECKED, TYPED, RegistrationForm
from web.rendering import FOLDER, render, words
from web.sessions import MARK_LENGTH
from web.visit import Done, Language

EVIL = "<script>alert('1')</script>\"'><img src=x onerror=alert(1)>"
OF_CUSTOMERS = ("base", "start", "my", "register", "correct", "cancel", "error", "fields")
both = pytest.mark.parametrize("language", Language)


# What every page gets beside its own values.
EDGE = {"session_left": "3600", "for_operators": False}


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_both_languages_have_the_same_texts_with_the_same_placeholders() -> None:
    korean, english = words(Language.KOREAN), words(Language.ENGLISH)

    assert korean.names == english.names
    assert [name for name in korean.names if placeholders(korean(name)) != placeholders(english(name))] == []


@both
def test_no_text_is_empty_or_is_there_in_the_other_language(language: Language) -> None:
    hangul = {name: bool(re.search("[가-힣]", words(language)(name))) for name in words(language).names}

    assert all(words(language)(name) for name in hangul)
    # What is a name stays a name.
    assert {name for name, found in hangul.items() if found != (language is Language.KOREAN)} <= {"site.name"}


def test_korean_is_polite_in_one_tone() -> None:
    # 합니다체; a form asks with "…해 주세요".
    endings = {
        word[-2:]
        for name in words(Language.KOREAN).names
        for word in re.findall(r"([가-힣]{2,})[.?!](?:\s|$)", words(Language.KOREAN)(name))
    }

    assert endings <= {"니다", "니까", "세요"}


def sources() -> Iterator[tuple[str, str]]:
    for path in sorted((FOLDER / "templates").rglob("*.html")):
        yield path.name, path.read_text(encoding="utf-8")


def test_every_text_that_a_template_names_exists() -> None:
    names = words(Language.KOREAN).names
    for template, source in sources():
        named = re.findall(r"say\('([^']+)'\s*([,)~])", source)
        assert source.count("say(") == 0 or named
        for name, after in named:
            if after == "~":
                assert any(each.startswith(name) for each in names), f"{template}: {name}"
            else:
                assert name in names, f"{template}: {name}"


def test_every_text_is_named_somewhere() -> None:
    code = [path.read_text(encoding="utf-8") for path in Path(FOLDER).rglob("*.py")]
    everything = "\n".join([*(source for _, source in sources()), *code])
    literal = set(re.findall(r"['\"]([a-zA-Z][\w.-]*)['\"]", everything))
    beginnings = set(re.findall(r"['\"]([a-z][\w.-]*\.)['\"]", everything)) | {"wrong.", "withdraw.", "cancel."}

    unused = {
        name
        for name in words(Language.KOREAN).names - literal
        if not any(name.startswith(beginning) for beginning in beginnings)
    }
    assert unused == set()


@both
def test_there_are_words_for_everything_that_can_be_wrong(language: Language) -> None:
    special = [
        (PHONE, "refused"),
        (AGE, "too-young"),
        (CONSENT, "missing"),
        (CONSENT, "policy"),
        (OLD_ENOUGH, "missing"),
    ]
    kinds = [(field, kind) for field, kinds in KINDS.items() for kind in [*kinds, OTHER]]

    for field, kind in [*special, *kinds]:
        assert f"wrong.{field}.{kind}" in words(language).names


def test_no_template_switches_escaping_off() -> None:
    for template, source in sources():
        assert not re.search(r"\|\s*safe|autoescape|Markup", source), template


ERRORS = [FieldError(name, f"wrong.{name}.missing") for name in (NAME, PHONE, AGE)]
OF_ADDRESS = FieldError(ADDRESS, f"wrong.{ADDRESS}.missing")
BOXES = [FieldError(ROAD, OF_ADDRESS.name), *(FieldError(name, f"wrong.{name}.missing") for name in CHECKED)]
MARK = "0" * MARK_LENGTH
LONG = "가나다라마바사아자차" * 20


def form(text: str) -> RegistrationForm:
    return RegistrationForm(UUID(int=1), text[:10], dict.fromkeys(TYPED, text), frozenset(CHECKED))


def states(text: str) -> list[tuple[str, Mapping[str, Any]]]:
    """Every template of customers' pages in every state, with this text wherever one comes from elsewhere.

    Of versions and traces only as much as they have: nobody can make them longer.
    """
    details = {**dict.fromkeys(YEON, text), "registeredAt": REGISTERED_AT, "updatedAt": UPDATED_AT}
    registered = {**details, "consent": {"policyVersion": text, "at": REGISTERED_AT}, "messages": MESSAGES * 2}
    pending = {**details, "acceptedAt": REGISTERED_AT, "expiresAt": UPDATED_AT, "messages": []}
    own = [Own(text, State.REGISTERED, registered, text), Own(text, State.PENDING, pending), None]
    typed = dict.fromkeys((NAME, PHONE, AGE, ADDRESS), text)
    ended = [{"how": how, "at": CANCELED_AT} for how in ("canceled", "withdrawn", "expired", "refused")]
    found: list[tuple[str, Mapping[str, Any]]] = [("start.html", {"done": done}) for done in (None, Done.SIGNED_OUT)]
    found += [
        ("my.html", {"own": each, "done": done, "ended": end if each is None else None, "refresh": 10})
        for each in own
        for done in [*(each for each in Done if each is not Done.SIGNED_OUT), None]
        for end in [None, *ended]
    ]
    # Never both: a form with errors is not sent, and one that was sent has none.
    for errors in ([], [*ERRORS, OF_ADDRESS]):
        for notice in [""] if errors else ("", "not-now", "unknown", "failed", "ended", "refused"):
            wrong = [*ERRORS, *BOXES] if errors else []
            values = {"form": form(text), "errors": wrong, "notice": notice, "trace": text[:32], "mark": MARK}
            found.append(("register.html", {**values, "minimum_age": 14, "postcode": SCRIPT}))
        for notice in [""] if errors else ("", "unchanged", "changed", "unknown", "failed", "refused"):
            values = {"typed": typed, "version": text, "errors": errors, "notice": notice, "trace": text[:32]}
            found.append(("correct.html", {**values, "mark": MARK}))
    found += [
        ("cancel.html", {"own": each, "notice": notice, "withdraw": "withdraw", "trace": text[:32], "mark": MARK})
        for each in own[:2]
        for notice in ("", "registered", "unknown", "failed")
    ]
    content = tomllib.loads((FOLDER / "words" / "ko.toml").read_text(encoding="utf-8"))["errors"]
    names = [name for name, texts in content.items() if isinstance(texts, Mapping)]
    found += [("error.html", {"name": name, "trace": text[:32]}) for name in names]
    found += [("error.html", {"name": "session-ended", "trace": "", "to": "/login"})]
    return found


def test_every_template_of_customers_is_rendered() -> None:
    assert {template for template, _ in states("")} == {
        f"{name}.html" for name in OF_CUSTOMERS if name not in ("base", "fields")
    }


@both
@pytest.mark.parametrize("is_signed_in", [True, False])
def test_what_comes_from_elsewhere_is_shown_as_text_on_every_page(language: Language, is_signed_in: bool) -> None:
    for template, values in states(EVIL):
        html = Html(render(template, language, {"is_signed_in": is_signed_in, **EDGE, **values}))

        assert len(html.all("script")) == 1, template
        assert html.all("img") == [], template
        assert [each for _, each in html.elements if "onerror" in each] == [], template


@both
def test_every_page_is_small_has_one_heading_and_a_title(language: Language) -> None:
    # As long as the API allows: an address of 200 and a name of 100 characters.
    for template, values in states(LONG[:100]):
        text = render(template, language, {"is_signed_in": True, **EDGE, **values})
        html = Html(text)

        assert len(text.encode()) <= LONGEST_PAGE, (template, values)
        assert len(html.all("h1")) == 1
        assert html.title.strip().endswith(f"– {words(language)('site.name')}")


@both
def test_every_id_is_there_once_and_everything_that_is_referred_to(language: Language) -> None:
    for template, values in states("x"):
        html = Html(render(template, language, {"is_signed_in": True, **EDGE, **values}))
        ids = [each["id"] for _, each in html.elements if "id" in each]
        referred = [each["for"] for each in html.all("label")]
        referred += [each["href"][1:] for each in html.all("a") if each["href"].startswith("#")]
        referred += [name for _, each in html.elements for name in each.get("aria-describedby", "").split()]

        assert len(ids) == len(set(ids)), template
        assert set(referred) <= set(ids), template


@both
def test_headings_are_in_order_and_every_button_and_link_says_something(language: Language) -> None:
    for template, values in states("x"):
        text = render(template, language, {"is_signed_in": True, **EDGE, **values})
        levels = [int(tag[1]) for tag, _ in Html(text).elements if re.fullmatch("h[1-6]", tag)]

        assert levels[0] == 1, template
        assert all(after <= before + 1 for before, after in pairwise(levels)), template
        assert not re.search(r"<(a|button)\b[^>]*>\s*</\1>", text), template
