"""What a customer has consented to: PIPA (개인정보 보호법) article 15."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, create_model

from shared.domain.record import Record, Timestamp


class ConsentItem(StrEnum):
    """What can be consented to; the privacy policy describes it. `collection`: that the details are kept and used."""

    COLLECTION = "collection"


REQUIRED_ITEMS: Final = frozenset({ConsentItem.COLLECTION})
"""Without these nobody can be registered."""


class Consent(Record):
    """The version of the privacy policy that the customer has read, what was consented to, and when."""

    policy_version: str
    items: tuple[ConsentItem, ...]
    at: Timestamp

    @classmethod
    def given(cls, policy_version: str, items: Iterable[ConsentItem], now: datetime) -> Self:
        """Just now."""
        return cls(policy_version=policy_version, items=tuple(sorted(items)), at=now)


def _complete(items: tuple[ConsentItem, ...]) -> tuple[ConsentItem, ...]:
    if len(set(items)) < len(items):
        raise ValueError("must have each item once")
    if missing := REQUIRED_ITEMS - set(items):
        raise ValueError(f"must contain {', '.join(sorted(missing))}: nobody can be registered without")
    return items


class ConsentInput(Record):
    """What a customer consents to as a client may send it. When that was is the server's to say."""

    policy_version: Annotated[str, Field(description="Of the privacy policy that the customer has read: /privacy.")]
    items: Annotated[
        tuple[ConsentItem, ...],
        Field(description="What the customer has consented to, each item once; collection is required."),
        AfterValidator(_complete),
    ]


@cache
def consent_to(versions: tuple[str, ...]) -> type[ConsentInput]:
    """The same model, in which only these versions of the privacy policy can be consented to."""

    def known(version: str) -> str:
        if version not in versions:
            raise ValueError(f"must be a version of the privacy policy ({', '.join(versions)}): see /privacy")
        return version

    version = Annotated[str, AfterValidator(known)]
    return create_model(
        ConsentInput.__name__, __base__=ConsentInput, __doc__=ConsentInput.__doc__, policy_version=(version, ...)
    )
