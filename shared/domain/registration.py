"""What became of a request to register: postponed while KakaoTalk cannot be notified, and later ended in one way.

The id of the registration is the id of the future customer, and it is stored in that customer's partition.
"""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Self

from shared.domain.callers import Owner
from shared.domain.consent import Consent
from shared.domain.customer import UNSIGNED, Customer, CustomerDetails, Signature
from shared.domain.forgetting import UNHANDLED_AFTER
from shared.domain.identifiers import CustomerId
from shared.domain.record import Record, Timestamp

# Seconds until the next attempt, which double with each, up to five minutes: an outage of KakaoTalk lasts minutes or
# hours. With jitter, so that those who were postponed together do not come back together.
FIRST_PAUSE: Final = 5.0
LONGEST_PAUSE: Final = 300.0
JITTER: Final = (0.75, 1.25)

type Random = Callable[[float, float], float]


def pause_after(attempts: int, between: Random = random.uniform) -> timedelta:
    """How long to wait after so many attempts, the first synchronous one not counted."""
    seconds: float = min(FIRST_PAUSE * 2 ** min(attempts, 30), LONGEST_PAUSE)
    return timedelta(seconds=seconds * between(*JITTER))


class RegistrationStatus(StrEnum):
    """All but `pending` are final."""

    PENDING = "pending"
    REGISTERED = "registered"
    EXPIRED = "expired"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class Attempt(Record):
    """One message of the queue: the registration, and which attempt this is, from 1. Nothing personal.

    `due_at`: when it is delivered. An attempt with another number than the registration's is a late copy.
    """

    customer_id: CustomerId
    number: int
    due_at: Timestamp

    @property
    def message_id(self) -> str:
        """`<customerId>.<number>`: the queue drops the same attempt sent twice."""
        return f"{self.customer_id}.{self.number}"


class Registration(Record):
    """A registration that was asked for with an idempotency key, or was postponed.

    `owner` and `consent` as in `Customer`. `details`: as long as they are needed. `customer`: as first answered,
    once registered. `attempt`: the number of its live message, due at `due_at`, which is set exactly while there is
    something left to do. `tried_at`: when KakaoTalk was last asked to notify. `may_be_told`: KakaoTalk may have
    notified the customer, so it is asked before the registration ends otherwise. `reason`: why it was refused.
    `withdrawn_at`: when the client withdrew it. `key_digest`: of the idempotency key.
    """

    customer_id: CustomerId
    owner: Owner | None = None
    consent: Consent | None = None
    status: RegistrationStatus
    details: CustomerDetails | None = None
    customer: Customer | None = None
    accepted_at: Timestamp
    expires_at: Timestamp | None = None
    attempt: int = 0
    due_at: Timestamp | None = None
    tried_at: Timestamp | None = None
    may_be_told: bool = False
    withdrawn_at: Timestamp | None = None
    reason: str | None = None
    key_digest: str | None = None
    traceparent: str | None = None

    @classmethod
    def answered(cls, customer: Customer) -> Self:
        """Registered at once."""
        return cls(
            customer_id=customer.customer_id,
            owner=customer.owner,
            status=RegistrationStatus.REGISTERED,
            customer=customer,
            accepted_at=customer.registered_at,
        )

    @classmethod
    def postponed(
        cls,
        customer_id: CustomerId,
        details: CustomerDetails,
        now: datetime,
        lifetime: timedelta,
        signature: Signature = UNSIGNED,
    ) -> Self:
        """Asked for just now; it expires after `lifetime`. Its first attempt is due after the first pause."""
        return cls(
            customer_id=customer_id,
            owner=signature.owner,
            consent=signature.consent,
            status=RegistrationStatus.PENDING,
            details=CustomerDetails.from_record(details),
            accepted_at=now,
            expires_at=now + lifetime,
            attempt=1,
            due_at=now + pause_after(0),
        )

    @classmethod
    def abandoned(cls, customer_id: CustomerId, owner: Owner, now: datetime) -> Self:
        """It was claimed, and not stored in its time; it must not be stored any more."""
        return cls(customer_id=customer_id, owner=owner, status=RegistrationStatus.EXPIRED, accepted_at=now)

    def perhaps_told(self, now: datetime) -> Self:
        """KakaoTalk was asked to notify until just now, and its answer is not known."""
        return self._changed(tried_at=now, may_be_told=True)

    def with_key(self, key_digest: str, now: datetime) -> Self:
        """Asked for with an idempotency key: another request with it may be asking KakaoTalk at this moment."""
        return self.perhaps_told(now)._changed(key_digest=key_digest)

    @property
    def is_pending(self) -> bool:
        """It may still become a customer."""
        return self.status is RegistrationStatus.PENDING

    def is_over(self, now: datetime) -> bool:
        """It is pending, and its time is up."""
        return self.is_pending and self.expires_at is not None and self.expires_at <= now

    @property
    def over_at(self) -> datetime | None:
        """From when on the person counts as one to be forgotten, unless registered until then. None: registered."""
        if self.status is RegistrationStatus.REGISTERED:
            return None
        return self.withdrawn_at or self.expires_at

    def is_to_be_forgotten(self, now: datetime) -> bool:
        """It has been over for so long that it must end, whatever KakaoTalk was told."""
        return self.over_at is not None and self.over_at + UNHANDLED_AFTER <= now

    @property
    def next_attempt(self) -> Attempt | None:
        """The live message, as long as there is something left to do."""
        if self.due_at is None:
            return None
        return Attempt(customer_id=self.customer_id, number=self.attempt, due_at=self.due_at)

    def postponed_again(self, now: datetime, pause: timedelta) -> Self:
        """With a new live message, after `pause`."""
        return self._changed(attempt=self.attempt + 1, due_at=now + pause)

    def claimed(self, now: datetime, pause: timedelta) -> Self:
        """Before KakaoTalk is asked to notify: nobody else has the attempt, and the next one is due after `pause`."""
        return self._changed(attempt=self.attempt + 1, due_at=now + pause, tried_at=now, may_be_told=True)

    def due_after(self, now: datetime, pause: timedelta) -> Self:
        """With its live message due after `pause`."""
        return self._changed(due_at=now + pause)

    def not_told(self) -> Self:
        """KakaoTalk has certainly not notified the customer."""
        return self._changed(may_be_told=False)

    def registered(self, customer: Customer) -> Self:
        """KakaoTalk has notified the customer, who is stored in the same batch."""
        return self._ended(RegistrationStatus.REGISTERED, customer=customer)

    def refused(self, reason: str) -> Self:
        """KakaoTalk will never notify the customer."""
        return self._ended(RegistrationStatus.REFUSED, reason=reason)

    def expired(self) -> Self:
        """KakaoTalk could not be asked in time, and has not notified the customer."""
        return self._ended(RegistrationStatus.EXPIRED)

    def withdrawn(self, now: datetime) -> Self:
        """By the client. What KakaoTalk may have been told is still to be asked, and the details are kept for that."""
        withdrawn = self._changed(status=RegistrationStatus.WITHDRAWN, withdrawn_at=now)
        return withdrawn if self.may_be_told else withdrawn.settled()

    def settled(self) -> Self:
        """Withdrawn, and nothing is left to do: it is known what KakaoTalk was told."""
        return self._ended(self.status)

    def _ended(self, status: RegistrationStatus, **fields: object) -> Self:
        nothing_left = {"details": None, "due_at": None, "may_be_told": False, "traceparent": None}
        return self._changed(status=status, **nothing_left, **fields)

    def _changed(self, **fields: object) -> Self:
        return self.model_copy(update=fields)
