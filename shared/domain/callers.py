"""Who calls, and who a call is for. Nothing here is believed: each of these was proven before it was made."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NewType

from shared.domain.errors import Forbidden, Unauthenticated

OPERATOR_ROLE: Final = "Operator"
"""The app role of Entra ID that makes somebody an operator."""

SUBJECT: Final = re.compile(r"[\x21-\x7e]{1,255}")
"""What a customer is called in a token: 255 ASCII characters at most (OpenID Connect Core §2)."""

Owner = NewType("Owner", str)
"""Whose a registration is: who confirmed the person, a colon, and their name for the person."""


@dataclass(frozen=True)
class CustomerSession:
    """A customer who has signed in. `subject`: kakao's number for the person, which stays out of logs."""

    subject: str = field(repr=False)

    @property
    def owner(self) -> Owner:
        """As it is stored with what belongs to this customer."""
        return Owner(f"kakao:{self.subject}")


@dataclass(frozen=True)
class Operator:
    """Somebody who works for the service: `object_id` in Entra ID, and the roles there, `OPERATOR_ROLE` among them."""

    object_id: str
    roles: frozenset[str]


@dataclass(frozen=True)
class App:
    """Another app, by its identity's object id, which the platform verified before the call arrived."""

    object_id: str


@dataclass(frozen=True)
class Nobody:
    """The call says nothing about its caller."""


@dataclass(frozen=True)
class Anybody:
    """Whoever calls without a token, where that is enough to do everything (ACCESS=open)."""


type Caller = CustomerSession | Operator | App | Nobody
"""Who calls, where that is known."""

type Permission = Callable[[Owner | None], bool]
"""Whether somebody may see and change what belongs to this owner; None: nobody knows whose it is."""


def everything(_: Owner | None) -> bool:
    """The permission of operators, of this system itself, and of anybody under ACCESS=open."""
    return True


def belonging_to(owner: Owner) -> Permission:
    """The permission of a customer. What belongs to others does not exist, for this customer."""
    return lambda whose: whose == owner


def require_customer(caller: Caller) -> CustomerSession:
    """The customer who calls. Raises Unauthenticated, Forbidden."""
    if isinstance(caller, CustomerSession):
        return caller
    raise _refusal(caller, "This is for customers who have signed in.")


def require_operator(caller: Caller) -> Operator:
    """The operator who calls. Raises Unauthenticated, Forbidden."""
    if isinstance(caller, Operator):
        return caller
    raise _refusal(caller, f"This is for operators: people with the role {OPERATOR_ROLE}.")


def require_customer_or_operator(caller: Caller) -> CustomerSession | Operator:
    """The customer or operator who calls. Raises Unauthenticated, Forbidden."""
    if isinstance(caller, CustomerSession | Operator):
        return caller
    raise _refusal(caller, "This is for customers who have signed in, and for operators.")


def require_app(caller: Caller) -> App:
    """The app that calls. Raises Unauthenticated, Forbidden."""
    if isinstance(caller, App):
        return caller
    raise _refusal(caller, "This is for another app of this system.")


def _refusal(caller: Caller, whom: str) -> Forbidden | Unauthenticated:
    """Nobody may come back with a token. Anybody else is known, and not allowed."""
    return Unauthenticated(whom, token_sent=False) if isinstance(caller, Nobody) else Forbidden(whom)
