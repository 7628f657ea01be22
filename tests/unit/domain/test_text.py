import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.text import normalise, readable

READABLE = [
    "홍길동",
    "yeon",
    "ㅎㅎ",
    "김 민수",
    "Nguyễn Thị Ánh",
    "O\u2019Brien-Smith (Jr.)",
    "שלום",
    "مریم",
    "می\u200cخواهم",  # Persian, with a zero width non-joiner
    "क्\u200dष",  # Hindi, with a zero width joiner after a virama
    "辻\U000e0100",  # a variant of a Han character
    "👍",
    "👍🏽",
    "❤\ufe0f",
    "❤\ufe0e",
    "1\ufe0f\u20e3",
    "👩\u200d👩\u200d👧\u200d👦",
    "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
    "🇰🇷",
    "e\u0301\u0323",
    "\U0001f9d1\u200d\U0001f4bb 민수",
]
INVISIBLE = [
    "\u3164",  # Hangul filler
    "\uffa0",
    "\u115f",
    "\u1160",
    "\u200b",
    "\u200d",
    "\u200c",
    "\u2060",
    "\ufeff",
    "\u00ad",
    "\u034f",
    "\u180e",
    "\ufe0f",
    "\U000e0061",
    "\ufff9",
]
BIDIRECTIONAL = [chr(code) for code in (0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))]


@pytest.mark.parametrize("text", READABLE)
def test_names_in_any_script_and_emoji_are_readable(text: str) -> None:
    assert readable(normalise(text)) == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize("character", INVISIBLE + BIDIRECTIONAL)
@pytest.mark.parametrize("around", ["{}", "yeon{}", "{}홍길동", "ye{}on"])
def test_invisible_characters_and_those_that_change_direction_are_refused(character: str, around: str) -> None:
    with pytest.raises(ValueError, match="invisible"):
        readable(normalise(around.format(character)))


@pytest.mark.parametrize("text", ["\u2800", "\u2800 \u2800", "\u0301", "\u20dd"])
def test_a_text_that_shows_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must contain a letter"):
        readable(normalise(text))


@pytest.mark.parametrize("text", ["a\x00b", "a\tb", "a\nb", "a\x85b", "a\u2028b", "a\x1b[31mb"])
def test_control_characters_and_line_breaks_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="control characters"):
        readable(normalise(text))


@pytest.mark.parametrize("text", ["\ue000", "\U000f0000", "\U0001fffe", "\ufdd0", "\u0378"])
def test_characters_without_a_meaning_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="invisible"):
        readable(normalise(f"a{text}"))


def test_stacks_of_accents_are_refused() -> None:
    assert readable(normalise("a" + "\u0301\u0302\u0303\u0304"))
    with pytest.raises(ValueError, match="accents"):
        readable(normalise("Z" + "\u0301\u0302\u0303\u0304\u0305\u0306"))


def test_hangul_that_was_sent_decomposed_is_composed() -> None:
    name = "가나다라마바사아자차카타파하가나다라마바사아자차카타파하가나다라마바"

    assert len(unicodedata.normalize("NFD", name)) == 68
    assert normalise(unicodedata.normalize("NFD", name)) == name


@pytest.mark.parametrize("space", [" ", "  ", "\u00a0", "\u3000", " \u2009 "])
def test_any_run_of_spaces_becomes_one_plain_space(space: str) -> None:
    assert normalise(f"{space}김{space}민수{space}") == "김 민수"


@given(st.text(max_size=30))
def test_a_normalised_text_stays_as_it_is(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@given(st.text(max_size=30))
def test_a_text_is_returned_unchanged_or_refused(text: str) -> None:
    try:
        result = readable(text)
    except ValueError:
        result = text

    assert result == text
