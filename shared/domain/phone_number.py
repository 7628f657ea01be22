"""Korean mobile numbers: eleven digits that begin with 010, in whatever way people write them."""

import re
import unicodedata
from typing import Final, NewType

PhoneNumber = NewType("PhoneNumber", str)
"""`^010[0-9]{8}$`: as it is stored, and as a provider gets it."""

# Between the digits: spaces, hyphens and dashes, dots, brackets. The last part is invisible: address books and chats
# wrap a number that is copied from them into marks for the direction of text.
_SEPARATORS: Final = re.compile("[ \\-‐-―−.·()\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_WRITTEN: Final = re.compile(r"(\+?)([0-9]+)")
# Some write the 0 after the country code as well: +82 (0)10.
_COUNTRY: Final = re.compile(r"820?")
_MOBILE: Final = "010"
_LENGTH: Final = 11


def parse_phone_number(text: str) -> PhoneNumber:
    """The number in `text`, such as 010-1234-5678, ０１０ １２３４ ５６７８ or +82 10-1234-5678.

    Compatibility characters count as what they stand for (NFKC), so full-width digits are digits; those of other
    scripts are not. Raises ValueError, which says what is wrong, and does not repeat the text.
    """
    written = _WRITTEN.fullmatch(_SEPARATORS.sub("", unicodedata.normalize("NFKC", text).strip()))
    if written is None:
        raise ValueError("must consist of digits, with spaces, hyphens, dots or brackets between them")
    plus, digits = written.groups()
    if plus and not _COUNTRY.match(digits):
        raise ValueError("must be a number in Korea (+82)")
    digits = _COUNTRY.sub("0", digits, count=1) if _COUNTRY.match(digits) else digits
    if not digits.startswith(_MOBILE):
        raise ValueError("must be the number of a mobile phone, which begins with 010")
    if len(digits) != _LENGTH:
        raise ValueError("must have eleven digits, such as 010-1234-5678")
    return PhoneNumber(digits)


def with_hyphens(number: str) -> str:
    """The number as people read it: 010-1234-5678."""
    return f"{number[:3]}-{number[3:-4]}-{number[-4:]}"
