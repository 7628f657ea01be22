"""The header Prefer (RFC 7240): what a client would like, which a server may ignore."""

import re
from typing import Final

import azure.functions as func

RESPOND_ASYNC: Final = "respond-async"
"""The client would rather be answered 202 than wait or be refused (RFC 7240 §4.1)."""

# Characters. A longer header is ignored, so that reading it never takes long.
LONGEST: Final = 1000
# Separated by commas or semicolons, but not by those inside a quoted text, in which a backslash quotes a character.
_PREFERENCES = re.compile(r'(?:[^",]|"(?:[^"\\]|\\.)*")+')
_PARTS = re.compile(r'(?:[^";]|"(?:[^"\\]|\\.)*")+')


def prefers_async(request: func.HttpRequest) -> bool:
    """Whether the request has the preference respond-async."""
    header: str | None = request.headers.get("prefer")
    return header is not None and _preferences(header).get(RESPOND_ASYNC) == ""


def _preferences(header: str) -> dict[str, str]:
    """Each preference in lower case with its value, without its parameters. Several lines come joined by commas.

    Of a preference that is repeated, the first counts; an empty value is as good as none (RFC 7240 §2).
    """
    found: dict[str, str] = {}
    for preference in _PREFERENCES.findall(header) if len(header) <= LONGEST else ():
        parts = _PARTS.findall(preference)
        name, _, value = (parts[0] if parts else "").partition("=")
        found.setdefault(name.strip().lower(), value.strip().removeprefix('"').removesuffix('"'))
    return found
