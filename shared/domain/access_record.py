"""What is recorded whenever an operator sees or changes somebody's data: never the data itself.

The account, the time, from where, whose data, and what was done with it: PIPA (개인정보 보호법) article 29, and
article 8 of the standard on security measures (개인정보의 안전성 확보조치 기준).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self

from shared.domain.identifiers import CustomerId
from shared.domain.record import Record, Timestamp


class Action(StrEnum):
    """What an operator does. `read`, `list` and `search` show masked values, `reveal` shows whole ones."""

    READ = "read"
    LIST = "list"
    SEARCH = "search"
    REVEAL = "reveal"
    CORRECT = "correct"
    CANCEL = "cancel"


class Target(StrEnum):
    """What it is done with, by the name of the resource."""

    CUSTOMER = "customer"
    REGISTRATION = "registration"
    CUSTOMER_VIEW = "customerView"
    MESSAGE = "kakao"


class Reason(StrEnum):
    """Why an operator needs whole values. A list, since a free text would soon hold somebody's data."""

    CUSTOMER_REQUEST = "customer-request"
    COMPLAINT = "complaint"
    DELIVERY = "delivery"
    INCIDENT = "incident"
    LEGAL_DUTY = "legal-duty"


@dataclass(frozen=True)
class Access:
    """What an operator is about to see or to change. `customer_ids`: whose data it is; none if nothing was found."""

    action: Action
    target: Target
    customer_ids: Sequence[CustomerId]
    reason: Reason | None = None


class AccessRecord(Record):
    """An access as it is kept. `operator_id`: the object id in Entra ID; `address`: an IP address, or `unknown`."""

    id: str
    operator_id: str
    at: Timestamp
    address: str
    action: Action
    target: Target
    customer_ids: tuple[CustomerId, ...]
    reason: Reason | None = None

    @classmethod
    def of(cls, access: Access, record_id: str, at: datetime, operator_id: str, address: str) -> Self:
        """Each customer once, in the order of the access."""
        return cls(
            id=record_id,
            operator_id=operator_id,
            at=at,
            address=address,
            action=access.action,
            target=access.target,
            customer_ids=tuple(dict.fromkeys(access.customer_ids)),
            reason=access.reason,
        )
