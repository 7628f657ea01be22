"""Text that people can read: what is normalised in it, and what is refused.

It follows UAX #31 (default-ignorable characters, joiners in context), UTS #39 §5.4 (sequences of nonspacing marks) and
UTS #51 (emoji sequences). Names are not identifiers, so every script and symbol is allowed, also mixed.
"""

import re
import unicodedata
from typing import Final

import regex

# Nearly all text: printable ASCII and Hangul syllables. It needs no further check.
_PLAIN: Final = re.compile(r"[!-~가-힣]+(?: [!-~가-힣]+)*")
_SPACES: Final = regex.compile(r"\p{Zs}+")

_EMOJI: Final = (
    r"(?:\p{Regional_Indicator}{2}"
    r"|\p{Emoji}(?:\p{Emoji_Modifier}|\uFE0F\u20E3?|[\U000E0020-\U000E007E]+\U000E007F|\uFE0E)?)"
)
# Default-ignorable characters where they do what they are made for.
_IN_CONTEXT: Final = regex.compile(
    rf"{_EMOJI}(?:\u200D{_EMOJI})*"
    r"|(?<=\p{ccc=Virama})[\u200C\u200D](?=\p{L})"
    r"|(?<=\p{Arabic})\u200C(?=\p{Arabic})"
    r"|(?<=\p{Han})[\uFE00-\uFE02\U000E0100-\U000E01EF]"
)
_UNREADABLE: Final = regex.compile(r"[\p{Default_Ignorable_Code_Point}\p{Cf}\p{Cn}\p{Co}\p{Cs}]")
_CONTROL: Final = regex.compile(r"[\p{Cc}\p{Zl}\p{Zp}]")
_VISIBLE: Final = regex.compile(r"[[\p{L}\p{N}\p{P}\p{S}]--[\u2800]]", regex.V1)
_STACKED_MARKS: Final = regex.compile(r"\p{Mn}{5}")


def normalise(text: str) -> str:
    """The text in NFC, without white space at its ends, and with one plain space for any run of spaces inside.

    A Mac sends Hangul decomposed: three code points for a syllable, which NFC composes to one.
    """
    if _PLAIN.fullmatch(text):
        return text
    return _SPACES.sub(" ", unicodedata.normalize("NFC", text)).strip()


def readable(text: str) -> str:
    """Returns the text if it is one line that people can read. Raises ValueError, which says what is wrong."""
    if _PLAIN.fullmatch(text):
        return text
    if _CONTROL.search(text):
        raise ValueError("must not contain control characters or line breaks")
    if _UNREADABLE.search(_IN_CONTEXT.sub("", text)):
        raise ValueError("must not contain invisible characters or characters that change the direction of text")
    if not _VISIBLE.search(text):
        raise ValueError("must contain a letter, a digit or a symbol")
    if _STACKED_MARKS.search(unicodedata.normalize("NFD", text)):
        raise ValueError("must not contain more than four accents on one letter")
    return text
