"""The privacy policy (개인정보 처리방침): its versions, and what only the operator can put into their texts."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from string import Formatter
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, StringConstraints

from shared.domain.errors import NotFound
from shared.domain.text import normalise, readable

KOREA: Final = timezone(timedelta(hours=9))
"""Korea has no summer time."""

# What every version promises to keep no longer than this: 제3조 of the texts.
MESSAGES_KEPT: Final = timedelta(days=365)
CANCELED_VIEWS_KEPT: Final = timedelta(days=30)
ACCESS_RECORDS_KEPT: Final = timedelta(days=400)
# Below it a guardian would have to consent (PIPA article 22-2). 제8조 of the texts.
AGE_OF_CONSENT: Final = 14

TEXT_LENGTH: Final = 200
EMAIL_LENGTH: Final = 254
# What would end a cell of a table, or be taken for something other than text (GitHub Flavored Markdown §4.10, §6).
_MARKUP: Final = frozenset("|<>[]{}*_~`\\")
# As people write it: 032-123-4567, 02-1234-5678, 1588-1234, +82-2-1234-5678.
_PHONE: Final = re.compile(r"(?:(?:0|\+82[- ])[1-9][0-9]{0,2}-[0-9]{3,4}|1[0-9]{3})-[0-9]{4}", re.ASCII)
# Underscores only inside, where they are no markup.
_EMAIL: Final = re.compile(
    r"[a-z0-9]+(?:[._+-][a-z0-9]+)*@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}", re.ASCII | re.IGNORECASE
)


def _without_markup(text: str) -> str:
    if found := _MARKUP & set(text):
        raise ValueError(f"must not contain {' '.join(sorted(found))}, which would break the table it is shown in")
    return text


def _phone(text: str) -> str:
    if not _PHONE.fullmatch(text):
        raise ValueError("must be a telephone number in Korea, such as 032-123-4567 or 1588-1234")
    return text


def _email(text: str) -> str:
    if not _EMAIL.fullmatch(text):
        raise ValueError("must be an e-mail address, such as privacy@example.com")
    return text


PolicyText = Annotated[
    str,
    StringConstraints(min_length=1, max_length=TEXT_LENGTH),
    AfterValidator(readable),
    AfterValidator(_without_markup),
    BeforeValidator(lambda value: normalise(value) if isinstance(value, str) else value),
]
"""One line of text that means itself inside a Markdown table."""
PolicyPhone = Annotated[str, AfterValidator(_phone)]
PolicyEmail = Annotated[str, StringConstraints(max_length=EMAIL_LENGTH), AfterValidator(_email)]


@dataclass(frozen=True)
class PrivacyPolicy:
    """`texts`: each version in Markdown, by the day on which it takes effect (YYYY-MM-DD).

    A text says `{NAME}` for what only the operator knows: that is in `details`.
    """

    texts: Mapping[str, str]
    details: Mapping[str, str]

    @property
    def versions(self) -> list[str]:
        """The oldest first."""
        return sorted(self.texts)

    def in_effect(self, now: datetime) -> str:
        """The newest version whose day has come in Korea, or the oldest if none has."""
        today = now.astimezone(KOREA).date().isoformat()
        return max((version for version in self.versions if version <= today), default=self.versions[0])

    def text(self, version: str) -> str:
        """The whole text. Raises NotFound if there is no such version, or something is missing in `details`."""
        if version not in self.texts:
            raise NotFound(f"There is no such version of the privacy policy. There is: {', '.join(self.versions)}.")
        missing = [name for name in _names_in(self.texts[version]) if name not in self.details]
        if missing:
            raise NotFound(f"The privacy policy is not complete: {', '.join(missing)} must be set.")
        return self.texts[version].format_map(self.details)

    def before(self, version: str) -> str | None:
        """The version that this one replaces."""
        return max((other for other in self.texts if other < version), default=None)

    def after(self, version: str) -> str | None:
        """The version that replaces this one, perhaps on a day to come."""
        return min((other for other in self.texts if other > version), default=None)


def _names_in(text: str) -> list[str]:
    """The names of its placeholders, once each."""
    return sorted({name for _, name, _, _ in Formatter().parse(text) if name})
