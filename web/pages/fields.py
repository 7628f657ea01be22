"""The fields of a customer's details in forms: as they are typed, and what is wrong with them, in words."""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError

from shared.domain.customer import CustomerInput
from web.ports import Answered

NAME: Final = "customerName"
PHONE: Final = "customerPhone"
AGE: Final = "customerAge"
ADDRESS: Final = "customerAddress"
ROAD: Final = "roadAddress"
REST: Final = "detailAddress"
CONSENT: Final = "consent"
OLD_ENOUGH: Final = "oldEnough"

# Parts of the reasons that the API gives, which the checks of shared/domain give here too, and what people are told.
# The first that fits counts.
_REASONS: Final = (
    ("at least 1 character", "missing"),
    ("Field required", "missing"),
    ("letter, a digit or a symbol", "missing"),
    ("at most", "too-long"),
    ("control characters", "unreadable"),
    ("invisible characters", "unreadable"),
    ("accents", "unreadable"),
    ("whole number", "no-number"),
    ("less than", "out-of-range"),
    ("greater than", "out-of-range"),
    ("must consist of digits", "no-number"),
    ("number in Korea", "not-mobile"),
    ("mobile phone", "not-mobile"),
    ("eleven digits", "digits"),
)
OTHER: Final = "wrong"
KINDS: Final[Mapping[str, frozenset[str]]] = {
    NAME: frozenset({"missing", "too-long", "unreadable"}),
    PHONE: frozenset({"missing", "no-number", "not-mobile", "digits"}),
    AGE: frozenset({"missing", "no-number", "out-of-range"}),
    ADDRESS: frozenset({"missing", "too-long", "unreadable"}),
}
"""What there are words for."""


@dataclass(frozen=True)
class FieldError:
    """`field`: which it is about, and the id of its control. `name`: of the words that say what is wrong."""

    field: str
    name: str


def field_error(field: str, reason: str) -> FieldError:
    """`reason`: as the API gives it."""
    kinds = KINDS.get(field, frozenset())
    kind = next((kind for part, kind in _REASONS if part in reason and kind in kinds), OTHER)
    return FieldError(field, f"wrong.{field}.{kind}")


def sent_details(form: Mapping[str, str], address: str) -> dict[str, str]:
    """The details as the API takes them, as far as they are filled in."""
    typed = {NAME: form.get(NAME, ""), PHONE: form.get(PHONE, ""), AGE: _number(form.get(AGE, "")), ADDRESS: address}
    return {name: text.strip() for name, text in typed.items() if text.strip()}


def _number(text: str) -> str:
    """As people write an age: full-width digits, and 20세, are as good."""
    return unicodedata.normalize("NFKC", text).strip().removesuffix("세").strip()


def joined_address(form: Mapping[str, str]) -> str:
    """The two lines of an address in one."""
    return " ".join(line for name in (ROAD, REST) if (line := form.get(name, "").strip()))


def wrong_details(details: Mapping[str, str], needed: Iterable[str]) -> list[FieldError]:
    """What is wrong with them by the rules of the API, which then need not be asked for what is missing alone."""
    missing = [FieldError(name, f"wrong.{name}.missing") for name in needed if name not in details]
    try:
        CustomerInput.model_validate(details, by_alias=True, by_name=False)
    except ValidationError as error:
        found = [(str(each["loc"][0]), each["msg"]) for each in error.errors(include_input=False, include_url=False)]
        return missing + [field_error(name, reason) for name, reason in found if name in details]
    return missing


def refused_details(answered: Answered) -> list[FieldError]:
    """What is wrong by the answer of the API, 422."""
    return [field_error(each.get("field", ""), each.get("reason", "")) for each in answered.wrong_fields]


def in_order(errors: Iterable[FieldError], fields: Iterable[str]) -> list[FieldError]:
    """At most one for each field, as the form has them."""
    firsts: dict[str, FieldError] = {}
    for error in errors:
        firsts.setdefault(error.field, error)
    return [firsts[field] for field in fields if field in firsts]
