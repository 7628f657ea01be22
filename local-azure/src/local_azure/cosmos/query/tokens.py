"""Splits the text of a query into tokens."""

import re
from typing import Any, NamedTuple

from local_azure.cosmos import errors

_PATTERN = re.compile(
    r"""
    (?P<space>   \s+ | --[^\n]* | /\*.*?\*/ )
  | (?P<number>  0[xX][0-9a-fA-F]+ | (?: \d+ (?:\.\d*)? | \.\d+ ) (?:[eE][+-]?\d+)? )
  | (?P<string>  '(?:[^'\\]|\\.)*' | "(?:[^"\\]|\\.)*" )
  | (?P<parameter> @\w+ )
  | (?P<name>    [^\W\d]\w* )
  | (?P<symbol>  <= | >= | != | <> | \|\| | \?\? | >>> | << | >> | [-+*/%=<>&|^~?:,.()\[\]{}] )
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class Token(NamedTuple):
    """`kind`: number, string, parameter, name, symbol or end. `text`: as written. `word`: for comparison with keywords
    and symbols, upper case for names. `value`: of numbers and strings.
    """

    kind: str
    text: str
    word: str
    value: Any
    start: int
    end: int


def tokenize(text: str) -> list[Token]:
    """Returns the tokens, and one of kind "end". Raises query_error at an invalid character."""
    tokens = []
    position = 0
    while position < len(text):
        match = _PATTERN.match(text, position)
        if match is None:
            raise errors.query_error(f"Syntax error, invalid token near '{text[position]}'.", position, position + 1)
        position = match.end()
        kind = match.lastgroup
        if kind is not None and kind != "space":
            tokens.append(_token(kind, match.group(), match.start(), position))
    tokens.append(Token("end", "", "", None, len(text), len(text)))
    return tokens


def _token(kind: str, text: str, start: int, end: int) -> Token:
    if kind == "name":
        return Token(kind, text, text.upper(), None, start, end)
    if kind == "string":
        return Token(kind, text, "", _unescaped(text[1:-1]), start, end)
    if kind == "number":
        return Token(kind, text, "", _number(text), start, end)
    return Token(kind, text, text, None, start, end)


def _number(text: str) -> int | float:
    if text[:2] in {"0x", "0X"}:
        return int(text, 16)
    return int(text) if text.isdecimal() else float(text)


def _unescaped(text: str) -> str:
    if "\\" not in text:
        return text
    text = _ESCAPE.sub(_replacement, text)
    # Joins two escaped halves of a surrogate pair to one character.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def _replacement(match: re.Match[str]) -> str:
    escaped = match.group(1)
    if len(escaped) == 5:
        return chr(int(escaped[1:], 16))
    return _ESCAPED.get(escaped, escaped)
