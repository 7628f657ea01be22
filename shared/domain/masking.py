"""What others may see of a customer in a list: enough to recognise somebody, not enough to reach or identify them.

It follows the recommendation on limiting what is shown (개인정보 표시 제한): in a list nobody needs the middle of a
name, the exchange of a phone number, or anything below the district of an address. Masking is for showing. It is no
pseudonymisation: what is masked is still personal data.

What does not have the expected form is hidden entirely. Nothing raises an exception.
"""

import re
import unicodedata
from typing import Final

import regex

from shared.domain.districts import ANY_DISTRICT, DISTRICTS

HIDDEN: Final = "***"
"""Takes the place of a text that is hidden, whatever its length."""

_LETTER: Final = regex.compile(r"\X")
# Also as the API answers with it, and masked already.
_PHONE_NUMBER: Final = re.compile(r"010(?:-(?:[0-9]{4}|\*{4})-|[0-9]{4})([0-9]{4})")
_OLDEST_SHOWN: Final = 100
_DECADE: Final = 10


def masked_name(name: str) -> str:
    """홍*동 for 홍길동, 남**수 for 남궁민수, 김* for 김연, * for one letter. Masking it again changes nothing.

    A letter is what people see as one (a grapheme cluster, UAX #29, after NFC): a Mac sends 홍 as three code points,
    and one emoji may be seven. As many stars as letters are hidden.
    """
    letters = _LETTER.findall(unicodedata.normalize("NFC", name))
    if len(letters) <= 1:
        return "*"
    first, *middle, last = letters
    return f"{first}{'*' * len(middle)}{last}" if middle else f"{first}*"


def masked_phone_number(number: str) -> str:
    """010-****-5678 for 01012345678: the last four digits. Masking it again changes nothing.

    `number`: as it is stored, or as the API answers with it (010-1234-5678).
    """
    match = _PHONE_NUMBER.fullmatch(number)
    return f"010-****-{match[1]}" if match else HIDDEN


def masked_address(address: str) -> str:
    """인천광역시 남동구 *** for 인천광역시 남동구 구월동 12-3: province and district. Masking it again changes nothing.

    Only names of provinces and districts are shown, for nobody knows what else people write there.
    """
    words = unicodedata.normalize("NFC", address).split()
    shown = [word for word in words[:1] if word in DISTRICTS]
    districts = DISTRICTS[shown[0]] if shown else ANY_DISTRICT
    shown += [word for word in words[len(shown) : len(shown) + 1] if word in districts]
    return " ".join([*shown, HIDDEN])


def masked_age(years: int) -> str:
    """20대 for 27: the decade. Below ten and from a hundred on there is one group each."""
    if years < _DECADE:
        return "10세 미만"
    if years >= _OLDEST_SHOWN:
        return "100세 이상"
    return f"{years // _DECADE * _DECADE}대"
