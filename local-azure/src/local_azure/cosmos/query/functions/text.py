"""String functions. Positions count from 0."""

import json
import re
from functools import lru_cache
from typing import Any

from local_azure.cosmos import json_text
from local_azure.cosmos.query.functions.signatures import MANY, Function, of_texts, of_values, whole_number
from local_azure.cosmos.query.values import UNDEFINED

_REPLICATE_LIMIT = 10_000  # characters, as in the service
_REGEX_FLAGS = {"m": re.MULTILINE, "s": re.DOTALL, "i": re.IGNORECASE, "x": re.VERBOSE}


def _folded(ignore_case: Any, *texts: Any) -> list[str]:
    """The texts, in lower case where the case is to be ignored. Raises ValueError for wrong types."""
    if not isinstance(ignore_case, bool) or not all(type(text) is str for text in texts):
        raise ValueError(ignore_case)
    return [text.lower() for text in texts] if ignore_case else list(texts)


def _contains(text: Any, part: Any, ignore_case: Any = False) -> bool:
    text, part = _folded(ignore_case, text, part)
    return part in text


def _starts_with(text: Any, part: Any, ignore_case: Any = False) -> bool:
    text, part = _folded(ignore_case, text, part)
    return bool(text.startswith(part))


def _ends_with(text: Any, part: Any, ignore_case: Any = False) -> bool:
    text, part = _folded(ignore_case, text, part)
    return bool(text.endswith(part))


def _equals(text: Any, other: Any, ignore_case: Any = False) -> bool:
    text, other = _folded(ignore_case, text, other)
    return bool(text == other)


def _text(value: Any) -> str:
    if type(value) is not str:
        raise ValueError(value)
    return value


def _index_of(text: Any, part: Any, start: Any = 0) -> int:
    return _text(text).find(_text(part), max(whole_number(start), 0))


def _left(text: Any, length: Any) -> str:
    return _text(text)[: max(whole_number(length), 0)]


def _right(text: Any, length: Any) -> str:
    wanted = whole_number(length)
    return _text(text)[-wanted:] if wanted > 0 else ""


def _substring(text: Any, start: Any, length: Any) -> str:
    first = max(whole_number(start), 0)
    return _text(text)[first : first + max(whole_number(length), 0)]


def _replicate(text: Any, times: Any) -> str:
    count = whole_number(times)
    if count < 0 or len(_text(text)) * count > _REPLICATE_LIMIT:
        raise ValueError(times)
    return _text(text) * count


def _to_string(value: Any) -> str:
    return value if type(value) is str else json_text.encode(value)


@lru_cache(maxsize=64)
def _regex(pattern: str, modifiers: str) -> re.Pattern[str]:
    flags = re.RegexFlag(0)
    for modifier in modifiers:
        if modifier not in _REGEX_FLAGS:
            raise ValueError(modifier)
        flags |= _REGEX_FLAGS[modifier]
    try:
        return re.compile(pattern, flags)
    except re.error as error:
        raise ValueError(pattern) from error


def _regex_match(text: str, pattern: str, modifiers: str = "") -> bool:
    return _regex(pattern, modifiers).search(text) is not None


def _parsed(kind: type | tuple[type, ...]) -> Function:
    def parse(text: str) -> Any:
        value = json.loads(text.strip())
        matches = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
        return value if matches else UNDEFINED

    return of_texts(parse, 1)


def _join(parts: Any, separator: Any) -> str:
    if type(parts) is not list:
        raise ValueError(parts)
    return _text(separator).join(_text(part) for part in parts)


FUNCTIONS: dict[str, Function] = {
    "CONCAT": of_texts(lambda *texts: "".join(texts), 2, MANY),
    "CONTAINS": of_values(_contains, 2, 3),
    "ENDSWITH": of_values(_ends_with, 2, 3),
    "INDEX_OF": of_values(_index_of, 2, 3),
    "LEFT": of_values(_left, 2),
    "LENGTH": of_texts(len, 1),
    "LOWER": of_texts(str.lower, 1),
    "LTRIM": of_texts(str.lstrip, 1, 2),
    "REGEXMATCH": of_texts(_regex_match, 2, 3),
    "REPLACE": of_texts(lambda text, old, new: text.replace(old, new) if old else text, 3),
    "REPLICATE": of_values(_replicate, 2),
    "REVERSE": of_texts(lambda text: text[::-1], 1),
    "RIGHT": of_values(_right, 2),
    "RTRIM": of_texts(str.rstrip, 1, 2),
    "STARTSWITH": of_values(_starts_with, 2, 3),
    "STRINGEQUALS": of_values(_equals, 2, 3),
    "STRINGJOIN": of_values(_join, 2),
    "STRINGSPLIT": of_texts(lambda text, separator: text.split(separator), 2),
    "STRINGTOARRAY": _parsed(list),
    "STRINGTOBOOLEAN": _parsed(bool),
    "STRINGTONULL": _parsed(type(None)),
    "STRINGTONUMBER": _parsed((int, float)),
    "STRINGTOOBJECT": _parsed(dict),
    "SUBSTRING": of_values(_substring, 3),
    "TOSTRING": of_values(_to_string, 1),
    "TRIM": of_texts(str.strip, 1, 2),
    "UPPER": of_texts(str.upper, 1),
}
