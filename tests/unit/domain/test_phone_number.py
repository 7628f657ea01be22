import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.phone_number import parse_phone_number, with_hyphens

DIGITS = "0123456789"
PREFIXES = ("010", "+8210", "+82010", "8210", "82010")
SEPARATORS = (
    *" -.()\u00a0\u3000\u2010\u2011\u2012\u2013\u2014\u2212·－．（）",
    *"\u200b\u200e\u202a\u202c\u2068\u2069\ufeff",
)
# The same digits in other shapes: full width, and as mathematical symbols.
SHAPES = [DIGITS, "".join(chr(0xFF10 + digit) for digit in range(10)), "".join(chr(0x1D7D8 + n) for n in range(10))]

last_eight = st.text(DIGITS, min_size=8, max_size=8)


@st.composite
def spellings(draw: st.DrawFn, digits: str) -> str:
    """The number 010 + `digits` as somebody may write it."""
    plain = draw(st.sampled_from(PREFIXES)) + digits
    gaps = [draw(st.text(SEPARATORS, max_size=3)) for _ in range(len(plain) + 1)]
    shaped = [draw(st.sampled_from(SHAPES))[int(each)] if each in DIGITS else each for each in plain]
    return gaps[0] + "".join(each + gap for each, gap in zip(shaped, gaps[1:], strict=True))


@given(st.data(), last_eight)
def test_every_spelling_of_a_number_gives_the_same_result(data: st.DataObject, digits: str) -> None:
    assert parse_phone_number(data.draw(spellings(digits))) == f"010{digits}"


@given(last_eight)
def test_a_number_that_was_read_before_stays_as_it_is_with_and_without_hyphens(digits: str) -> None:
    number = parse_phone_number(f"010{digits}")

    assert parse_phone_number(number) == number
    assert parse_phone_number(with_hyphens(number)) == number
    assert re.fullmatch("010-[0-9]{4}-[0-9]{4}", with_hyphens(number))


@pytest.mark.parametrize(
    "text",
    [
        "01023456789",
        "010-2345-6789",
        "010 2345 6789",
        "010.2345.6789",
        "(010) 2345-6789",
        "０１０－２３４５－６７８９",
        "+82 10-2345-6789",
        "+82 010 2345 6789",
        "+82 (0)10 2345 6789",
        "(+82) 10-2345-6789",
        "＋８２ １０ ２３４５ ６７８９",
        "82 10 2345 6789",
        " 010\u20112345\u20116789\n",
        "\u202a010-2345-6789\u202c",  # copied from an address book
    ],
)
def test_the_usual_spellings_are_read(text: str) -> None:
    assert parse_phone_number(text) == "01023456789"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "must consist of digits"),
        ("yeon", "must consist of digits"),
        ("010-2345-678x", "must consist of digits"),
        ("tel:010-2345-6789", "must consist of digits"),
        ("010-2345-6789 (엄마)", "must consist of digits"),
        ("010-2345-6789, 010-2345-6780", "must consist of digits"),
        ("010/2345/6789", "must consist of digits"),
        ("010\n23456789", "must consist of digits"),
        ("01+023456789", "must consist of digits"),
        ("++821023456789", "must consist of digits"),
        ("٠١٠٢٣٤٥٦٧٨٩", "must consist of digits"),  # Arabic-Indic
        ("०१०२३४५६७८९", "must consist of digits"),  # Devanagari
        ("공일공이삼사오육칠팔구", "must consist of digits"),
        ("0️⃣1️⃣0️⃣2️⃣3️⃣4️⃣5️⃣6️⃣7️⃣8️⃣9️⃣", "must consist of digits"),
        ("+1 212 555 0100", "must be a number in Korea"),
        ("+81 90-1234-5678", "must be a number in Korea"),
        ("+010-2345-6789", "must be a number in Korea"),
        ("02-345-6789", "mobile phone"),
        ("032-345-6789", "mobile phone"),
        ("070-2345-6789", "mobile phone"),
        ("0502-345-6789", "mobile phone"),
        ("1588-1234", "mobile phone"),
        ("011-234-5678", "mobile phone"),
        ("016-2345-6789", "mobile phone"),
        ("019-234-5678", "mobile phone"),
        ("+82 2-345-6789", "mobile phone"),
        ("10-2345-6789", "mobile phone"),
        ("0082 10 2345 6789", "mobile phone"),
        ("010-123-4567", "eleven digits"),
        ("010-2345-67890", "eleven digits"),
        ("+82 10-123-4567", "eleven digits"),
        ("010 2345", "eleven digits"),
    ],
)
def test_anything_else_is_refused_with_a_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as refused:
        parse_phone_number(text)

    assert not text or text not in str(refused.value)


@given(st.data(), last_eight)
def test_a_digit_more_or_less_is_refused(data: st.DataObject, digits: str) -> None:
    for others in (digits[1:], digits + data.draw(st.sampled_from(DIGITS))):
        with pytest.raises(ValueError, match="eleven digits"):
            parse_phone_number(data.draw(spellings(others)))


OTHER_SCRIPTS = [
    digit
    for digit in map(chr, range(0x110000))
    if unicodedata.category(digit) == "Nd" and unicodedata.normalize("NFKC", digit) not in DIGITS
]


@given(st.data(), last_eight, st.characters(categories=["L"]) | st.sampled_from(OTHER_SCRIPTS))
def test_a_letter_or_a_digit_of_another_script_is_refused(data: st.DataObject, digits: str, other: str) -> None:
    written = data.draw(spellings(digits))
    position = data.draw(st.integers(0, len(written)))

    with pytest.raises(ValueError, match="must consist of digits"):
        parse_phone_number(written[:position] + other + written[position:])


@given(st.text())
def test_no_text_makes_it_fail_otherwise(text: str) -> None:
    try:
        number = parse_phone_number(text)
    except ValueError:
        return
    assert re.fullmatch("010[0-9]{8}", number)
