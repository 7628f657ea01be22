import re
import unicodedata

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.districts import ANY_DISTRICT, DISTRICTS
from shared.domain.masking import masked_address, masked_age, masked_name, masked_phone_number
from shared.domain.text import normalise, readable

FAMILY = "👩\u200d👩\u200d👧\u200d👦"
# Letters as people see them: each is one, however many code points it has.
LETTERS = [
    *"홍길동궁민수yeonÉß李",
    "g\u0308",
    "e\u0323\u0302\u0301",
    "ㅎ",
    "\u1112\u119e\u11ab",  # an old syllable that has no code point of its own
    "क्ष",
    "நி",
    "👍🏽",
    "🇰🇷",
    "1\ufe0f\u20e3",
    FAMILY,
    " ",
    "-",
]
names = st.lists(st.sampled_from(LETTERS), min_size=1, max_size=12).map("".join)
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


def letters(text: str) -> list[str]:
    return regex.findall(r"\X", unicodedata.normalize("NFC", text))


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        ("홍길동", "홍*동"),
        ("김연", "김*"),
        ("남궁민수", "남**수"),
        ("yeon", "y**n"),
        ("Li", "L*"),
        ("Nguyễn Thị Ánh", "N************h"),
        ("O'Brien", "O*****n"),
        ("김", "*"),
        ("", "*"),
        ("👍🏽", "*"),
        (f"{FAMILY}홍", f"{FAMILY}*"),
        ("ㅎㅎㅎ", "ㅎ*ㅎ"),
        ("g\u0308a\u0301b", "g\u0308*b"),
        ("क्षमा", "क्ष*"),
    ],
)
def test_of_a_name_the_first_and_the_last_letter_are_shown(name: str, masked: str) -> None:
    assert masked_name(name) == masked


@given(names)
def test_a_name_shows_two_letters_at_most_and_not_the_only_or_the_second_one(name: str) -> None:
    before, after = letters(name), letters(masked_name(name))

    assert len(after) == len(before)
    assert all(shown == "*" for shown in after[1:-1])
    assert after[0] == ("*" if len(before) == 1 else before[0])
    assert after[-1] == (before[-1] if len(before) > 2 else "*")


@given(st.sampled_from(LETTERS), st.lists(st.sampled_from("가나다라"), min_size=1, max_size=9), st.data())
def test_a_masked_name_says_nothing_of_what_it_hides_but_how_many_letters(
    first: str, hidden: list[str], data: st.DataObject
) -> None:
    others = data.draw(st.lists(st.sampled_from("마바사아"), min_size=len(hidden), max_size=len(hidden)))

    assert masked_name(f"{first}{''.join(hidden)}동") == masked_name(f"{first}{''.join(others)}동")


@given(names | words)
def test_a_decomposed_name_is_masked_like_the_composed_one(name: str) -> None:
    assert masked_name(unicodedata.normalize("NFD", name)) == masked_name(unicodedata.normalize("NFC", name))


@given(words.map(normalise) | names)
def test_masking_a_name_again_changes_nothing(name: str) -> None:
    try:
        readable(name)
    except ValueError:
        return

    assert masked_name(masked_name(name)) == masked_name(name)


@given(st.text("0123456789", min_size=8, max_size=8), st.text("0123456789", min_size=4, max_size=4))
def test_of_a_phone_number_only_the_last_four_digits_are_shown(digits: str, others: str) -> None:
    masked = masked_phone_number(f"010{digits}")

    assert masked == f"010-****-{digits[4:]}"
    assert masked == masked_phone_number(f"010{others}{digits[4:]}")
    assert masked == masked_phone_number(f"010-{digits[:4]}-{digits[4:]}")
    assert masked == masked_phone_number(masked)


@given(words | st.from_regex(r"0[0-9]{9,10}", fullmatch=True))
def test_a_phone_number_of_another_form_is_hidden(number: str) -> None:
    if not re.fullmatch("010[0-9]{8}|010-([0-9*])+-[0-9]{4}", number):
        assert masked_phone_number(number) == "***"


@pytest.mark.parametrize("number", ["010-1234-567", "01-0123-45678", "0101234-5678", "010-123*-5678", "010****5678"])
def test_a_phone_number_that_is_written_otherwise_is_hidden(number: str) -> None:
    assert masked_phone_number(number) == "***"


@pytest.mark.parametrize(
    ("address", "masked"),
    [
        ("인천광역시 남동구 구월동 12-3", "인천광역시 남동구 ***"),
        ("서울특별시 강남구", "서울특별시 강남구 ***"),
        ("서울 종로구 세종대로 209 정부서울청사 101호", "서울 종로구 ***"),
        ("경기도 성남시 분당구 정자동 178-1", "경기도 성남시 ***"),
        ("세종특별자치시 한누리대로 2130", "세종특별자치시 ***"),
        ("전남광주통합특별시 광산구 송정동 1", "전남광주통합특별시 광산구 ***"),
        ("광주 북구 용봉로 77", "광주 북구 ***"),
        ("경기도 광주시 경안동 1", "경기도 광주시 ***"),
        ("제주특별자치도 서귀포시 중앙로 1", "제주특별자치도 서귀포시 ***"),
        ("강남구 역삼동 1", "강남구 ***"),
        ("  부산광역시\u3000해운대구 ", "부산광역시 해운대구 ***"),
        ("서울특별시 해운대구 우동", "서울특별시 ***"),
        ("서울 박진구 댁", "서울 ***"),
        ("구월동 12-3 남동구", "***"),
        ("홍길동", "***"),
        ("incheon", "***"),
        ("", "***"),
    ],
)
def test_of_an_address_province_and_district_are_shown(address: str, masked: str) -> None:
    assert masked_address(address) == masked


@given(st.lists(st.sampled_from([*DISTRICTS, *ANY_DISTRICT]) | words, max_size=5).map(" ".join))
def test_an_address_shows_only_its_own_first_words_if_they_are_a_province_and_a_district(address: str) -> None:
    *shown, hidden = masked_address(address).split(" ")

    assert hidden == "***"
    assert shown == unicodedata.normalize("NFC", address).split()[: len(shown)]
    assert all(word in DISTRICTS or word in ANY_DISTRICT for word in shown)
    assert len(shown) <= 2
    assert masked_address(masked_address(address)) == masked_address(address)


@given(st.sampled_from(sorted(DISTRICTS)), st.data(), words, words)
def test_a_masked_address_says_nothing_of_what_it_hides(
    province: str, data: st.DataObject, one: str, other: str
) -> None:
    district = data.draw(st.sampled_from(sorted(DISTRICTS[province]) or ["한누리대로"]))

    assert masked_address(f"{province} {district} {one}") == masked_address(f"{province} {district} {other}")


@given(words)
def test_a_decomposed_address_is_masked_like_the_composed_one(text: str) -> None:
    address = f"인천광역시 남동구 {text}"

    assert masked_address(unicodedata.normalize("NFD", address)) == "인천광역시 남동구 ***"


def test_every_province_has_the_districts_that_it_should() -> None:
    """228 today, of which two have no government of their own (제주); the rest are names until 1 July 2026."""
    counted = {name: len(districts) for name, districts in DISTRICTS.items()}

    assert {name: counted[name] for name in ("서울", "부산", "대구", "인천", "대전", "울산", "세종")} == {
        "서울": 25,
        "부산": 16,
        "대구": 9,
        "인천": 13,
        "대전": 5,
        "울산": 5,
        "세종": 0,
    }
    assert {name: counted[name] for name in ("경기", "강원", "충북", "충남", "전북", "전남", "광주", "제주")} == {
        "경기": 31,
        "강원": 18,
        "충북": 11,
        "충남": 15,
        "전북": 14,
        "전남": 22,
        "광주": 5,
        "제주": 2,
    }
    assert (counted["경북"], counted["경남"], counted["전남광주통합특별시"]) == (22, 18, 27)
    assert all(re.fullmatch("[가-힣]{1,3}[시군구]", district) for district in ANY_DISTRICT)


@pytest.mark.parametrize(
    ("years", "masked"),
    [
        (0, "10세 미만"),
        (9, "10세 미만"),
        (10, "10대"),
        (14, "10대"),
        (20, "20대"),
        (29, "20대"),
        (99, "90대"),
        (100, "100세 이상"),
        (150, "100세 이상"),
    ],
)
def test_of_an_age_the_decade_is_shown(years: int, masked: str) -> None:
    assert masked_age(years) == masked


@given(st.integers(0, 149))
def test_a_masked_age_is_that_of_ten_years_at_least(years: int) -> None:
    assert sum(masked_age(other) == masked_age(years) for other in range(150)) >= 10


@given(st.text(), st.integers())
def test_nothing_raises_an_exception(text: str, number: int) -> None:
    masked = (masked_name(text), masked_phone_number(text), masked_address(text), masked_age(number))

    assert all(masked)
