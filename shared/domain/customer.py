"""A customer: registered, and later perhaps cancelled."""

import re
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Annotated, Final, Self

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, create_model

from shared.domain.callers import Owner
from shared.domain.consent import Consent, ConsentInput, consent_to
from shared.domain.errors import TooYoung
from shared.domain.identifiers import CustomerId
from shared.domain.phone_number import parse_phone_number
from shared.domain.record import Record, Timestamp
from shared.domain.text import normalise, readable

NAME_LENGTH = 100
ADDRESS_LENGTH = 200
OLDEST_AGE = 150
FIRST_VERSION = 1

_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,9}")


def _whole_number(value: object) -> object:
    """Accepts numbers and numeric strings (HTTPie sends "20"), but nothing else that Python would call an integer."""
    if isinstance(value, bool) or (isinstance(value, str) and not _WHOLE_NUMBER.fullmatch(value)):
        raise ValueError("must be a whole number")
    return value


def _normalised(value: object) -> object:
    return normalise(value) if isinstance(value, str) else value


CustomerName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=NAME_LENGTH),
    AfterValidator(readable),
    BeforeValidator(_normalised),
]
CustomerAddress = Annotated[
    str,
    StringConstraints(min_length=1, max_length=ADDRESS_LENGTH),
    AfterValidator(readable),
    BeforeValidator(_normalised),
]
CustomerAge = Annotated[int, Field(ge=0, le=OLDEST_AGE), BeforeValidator(_whole_number)]
CustomerPhone = Annotated[
    str,
    AfterValidator(parse_phone_number),
    Field(
        description="A Korean mobile number, with or without hyphens, spaces, dots, brackets and the country code.",
        json_schema_extra={"example": "010-1234-5678"},
    ),
]


class RememberedDetails(Record):
    """The details of a customer, all of them None once the customer is forgotten: the base of what outlives that."""

    customer_name: str | None = None
    customer_address: str | None = None
    customer_age: int | None = None
    customer_phone: str | None = None


class CustomerDetails(RememberedDetails):
    """What is known about a customer: the base of every record about one, stored or sent.

    These fields have no limits, so that what was stored stays readable when the limits of `CustomerInput` change.
    """

    customer_name: str
    customer_address: str
    customer_age: int
    customer_phone: str | None = None


class CustomerInput(CustomerDetails):
    """The details as a client may send them: names and addresses that people can read, age in years.

    Texts are normalised (NFC, single spaces) before their length is counted, in Unicode characters. A phone number is
    optional unless the KakaoTalk provider needs it.
    """

    customer_name: CustomerName
    customer_address: CustomerAddress
    customer_age: CustomerAge
    customer_phone: CustomerPhone | None = None


@cache
def with_phone_number[Input: CustomerInput](model: type[Input]) -> type[Input]:
    """The same model, in which the phone number is required: for providers that need it."""
    return create_model(model.__name__, __base__=model, __doc__=model.__doc__, customer_phone=(CustomerPhone, ...))


class RegistrationInput(CustomerInput):
    """The details, and what the customer consents to, as a client may send them where customers sign in."""

    consent: ConsentInput


@cache
def with_consent(versions: tuple[str, ...]) -> type[RegistrationInput]:
    """The same model, in which the consent is to one of these versions of the privacy policy."""
    model = RegistrationInput
    consent = (consent_to(versions), ...)
    return create_model(model.__name__, __base__=model, __doc__=model.__doc__, consent=consent)


def details_and_consent(sent: CustomerInput, now: datetime) -> tuple[CustomerDetails, Consent | None]:
    """What is registered, apart from what was consented to just now, if that was asked for."""
    if not isinstance(sent, RegistrationInput):
        return sent, None
    given = Consent.given(sent.consent.policy_version, sent.consent.items, now)
    return CustomerDetails.from_record(sent), given


def refuse_too_young(sent: Record, minimum_age: int) -> None:
    """Raises TooYoung if what a client has sent says so. `minimum_age`: in full years, as ages are counted in Korea.

    Only what is sent is looked at: who is stored, and is younger, stays readable, correctable and cancellable.
    """
    age: int | None = getattr(sent, "customer_age", None)  # a correction may leave it out
    if age is not None and age < minimum_age:
        raise TooYoung(minimum_age)


@dataclass(frozen=True)
class Signature:
    """Who registers, and what they consent to. Neither is known where nobody signs in (ACCESS=open)."""

    owner: Owner | None = None
    consent: Consent | None = None


UNSIGNED: Final = Signature()


class Customer(CustomerDetails):
    """A registered customer. `version` counts the customer's changes from 1; `updated_at`: the last one, if any.

    `owner`: who has registered, and `consent`: to what; both None where nobody signs in (ACCESS=open).
    """

    customer_id: CustomerId
    owner: Owner | None = None
    consent: Consent | None = None
    version: int = FIRST_VERSION
    registered_at: Timestamp
    updated_at: Timestamp | None = None

    @classmethod
    def register(
        cls, customer_id: CustomerId, details: CustomerDetails, now: datetime, signature: Signature = UNSIGNED
    ) -> Self:
        """Creates a customer from the details."""
        return cls.from_record(
            details, customer_id=customer_id, registered_at=now, owner=signature.owner, consent=signature.consent
        )

    def corrected(self, details: CustomerDetails, now: datetime) -> Self:
        """With these details, as one more version; this customer itself if it has them already."""
        corrected = self.model_copy(update={name: getattr(details, name) for name in CustomerDetails.model_fields})
        if corrected == self:
            return self
        return corrected.model_copy(update={"version": self.version + 1, "updated_at": now})
