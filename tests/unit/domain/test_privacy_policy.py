from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from shared.domain.errors import NotFound
from shared.domain.privacy_policy import PolicyEmail, PolicyPhone, PolicyText, PrivacyPolicy

FIRST, SECOND, THIRD = "2026-12-01", "2027-03-01", "2027-09-01"
POLICY = PrivacyPolicy({THIRD: "third", FIRST: "first of {PRIVACY_PHONE}", SECOND: "second"}, {"PRIVACY_PHONE": "02-1"})


@pytest.mark.parametrize(
    ("now", "version"),
    [
        (datetime(2026, 1, 1, tzinfo=UTC), FIRST),  # none is in effect yet: the one that will be
        (datetime(2027, 2, 28, 14, 59, 59, tzinfo=UTC), FIRST),
        (datetime(2027, 2, 28, 15, tzinfo=UTC), SECOND),  # midnight in Korea
        (datetime(2027, 8, 31, 15, tzinfo=UTC), THIRD),
        (datetime(2099, 1, 1, tzinfo=UTC), THIRD),
    ],
)
def test_the_newest_version_whose_day_has_come_in_korea_is_in_effect(now: datetime, version: str) -> None:
    assert POLICY.in_effect(now) == version


def test_each_version_knows_its_neighbours() -> None:
    assert [(POLICY.before(each), POLICY.after(each)) for each in POLICY.versions] == [
        (None, SECOND),
        (FIRST, THIRD),
        (SECOND, None),
    ]


def test_the_operators_own_details_are_filled_in() -> None:
    assert POLICY.text(FIRST) == "first of 02-1"


@pytest.mark.parametrize("version", ["2026-12-02", "", "latest", "../x"])
def test_of_an_unknown_version_it_says_which_there_are(version: str) -> None:
    with pytest.raises(NotFound, match=f"{FIRST}, {SECOND}, {THIRD}"):
        POLICY.text(version)


def test_an_incomplete_text_is_not_shown() -> None:
    policy = PrivacyPolicy({FIRST: "{PRIVACY_PHONE} {PRIVACY_EMAIL} {PRIVACY_PHONE}"}, {"PRIVACY_NAME": "싹8"})

    with pytest.raises(NotFound, match="PRIVACY_EMAIL, PRIVACY_PHONE must be set"):
        policy.text(FIRST)


def is_accepted(kind: Any, text: object) -> bool:
    try:
        TypeAdapter(kind).validate_python(text)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("text", ["주식회사 싹8", "R&D팀 (서울), 1층", "Müller & Söhne", "가" * 200])
def test_one_line_of_text_is_accepted(text: str) -> None:
    assert is_accepted(PolicyText, text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "a|b",
        "a\nb",
        "a\rb",
        "<b>",
        "[x](y)",
        "*x*",
        "_x_",
        "`x`",
        "~~x~~",
        "{X}",
        "a\\",
        "\u202ex",
        "x" * 201,
        5,
    ],
)
def test_what_would_break_the_table_is_not(text: object) -> None:
    assert not is_accepted(PolicyText, text)


def test_a_decomposed_text_is_composed() -> None:
    assert TypeAdapter(PolicyText).validate_python("\u1109\u1161  x ") == "사 x"


@pytest.mark.parametrize("text", ["032-123-4567", "02-1234-5678", "1588-1234", "070-1234-5678", "+82-32-123-4567"])
def test_a_telephone_number_in_korea_is_accepted(text: str) -> None:
    assert is_accepted(PolicyPhone, text)


@pytest.mark.parametrize("text", ["", "032", "0321234567", "032-123-456", "+1-212-555-0100", "032-123-4567\n", "전화"])
def test_another_telephone_number_is_not(text: str) -> None:
    assert not is_accepted(PolicyPhone, text)


@pytest.mark.parametrize("text", ["privacy@example.com", "privacy_team+x@mail.example.co.kr", "a@b.kr"])
def test_an_email_address_is_accepted(text: str) -> None:
    assert is_accepted(PolicyEmail, text)


@pytest.mark.parametrize(
    "text", ["", "privacy", "privacy@", "@example.com", "_a_@example.com", "a@example", "a b@example.com", "a@b.kr\n"]
)
def test_another_email_address_is_not(text: str) -> None:
    assert not is_accepted(PolicyEmail, text)
