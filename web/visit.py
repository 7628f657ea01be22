"""What a page gets, and what it answers with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import azure.functions as func

from web.sessions import Session

MEDIA_TYPE_OF_FORMS: Final = "application/x-www-form-urlencoded"
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
"""Nothing from elsewhere, and nothing inline."""
LONGEST_FORM: Final = 16_384
"""Bytes."""
MOST_FIELDS: Final = 100


class Language(StrEnum):
    """In which the pages are written."""

    KOREAN = "ko"
    ENGLISH = "en"


class Place(StrEnum):
    """Where a page may send somebody: nowhere else."""

    START = "/"
    LOGIN = "/login"
    MY = "/my"
    REGISTER = "/my/registration"
    OPERATORS = "/operators"
    OPERATOR_LOGIN = "/operators/login"


class Done(StrEnum):
    """What has just been done, which the next page says, if what it knows agrees with that."""

    REGISTERED = "registered"
    POSTPONED = "postponed"
    CORRECTED = "corrected"
    CANCELED = "canceled"
    WITHDRAWN = "withdrawn"
    SIGNED_OUT = "signed-out"


@dataclass(frozen=True)
class Visit:
    """One request of a browser. `origin`: of my page, such as https://ssak8.example, without a slash at the end.

    `mark`: that of forms for who has signed in.
    """

    request: func.HttpRequest = field(repr=False)
    language: Language
    origin: str = ""
    session: Session | None = field(default=None, repr=False)
    mark: str = field(default="", repr=False)

    @property
    def form(self) -> Mapping[str, str]:
        """The fields of a form, the last value of each; empty for anything that is no form. Raises ValueError."""
        media_type = str(self.request.headers.get("content-type", "")).partition(";")[0].strip().lower()
        content = self.request.get_body()
        if media_type != MEDIA_TYPE_OF_FORMS or len(content) > LONGEST_FORM:
            return {}
        fields = parse_qs(content.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
        return {name: values[-1] for name, values in fields.items()}

    @property
    def is_for_operators(self) -> bool:
        """Whether it is for a page of operators, or what would be one."""
        path: str = urlsplit(self.request.url).path
        return path == Place.OPERATORS or path.startswith(f"{Place.OPERATORS}/")

    @property
    def done(self) -> Done | None:
        """What the page before says was done."""
        value = self.request.params.get("done", "")
        return Done(value) if value in Done else None


@dataclass(frozen=True)
class Page:
    """A page to be rendered. `cookies`: whole Set-Cookie texts."""

    template: str
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Redirect:
    """303 to a place here, or 302 to the issuer where somebody signs in (`elsewhere`, an absolute URL)."""

    to: Place | None = None
    done: Done | None = None
    elsewhere: str = ""
    cookies: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Download:
    """A file to be saved."""

    content: bytes = field(repr=False)
    name: str
    media_type: str


type Answer = Page | Redirect | Download
