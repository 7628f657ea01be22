"""Trying again what was postponed: one attempt of one registration.

claim → ask KakaoTalk → settle. Each step can be repeated, and a crash between two of them changes nothing: the claimed
document names the next attempt, and what has no message is sent again by the sweep.
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol

from shared.domain.customer import Customer, Signature
from shared.domain.errors import (
    AlreadyExists,
    KakaoBusy,
    KakaoRefused,
    KakaoUnavailable,
    PreconditionFailed,
    StoreUnavailable,
)
from shared.domain.events import CustomerEvent
from shared.domain.forgetting import UNHANDLED_AFTER
from shared.domain.identifiers import Clock, NewId
from shared.domain.registration import Attempt, Registration, RegistrationStatus, pause_after
from shared.use_cases.deadline import Deadline, while_unavailable
from shared.use_cases.registrations import (
    GRACE_FOR_STORING,
    KNOWN_AFTER,
    AttemptQueue,
    KakaoTalk,
    PostponedRegistrations,
    StoredRegistration,
)
from shared.use_cases.withdrawing import KeepKey

log = logging.getLogger(__name__)

# More than the changes that can be in progress at once: a withdrawal, and a later attempt.
REPETITIONS: Final = 3
# The queue drops a message that it got within ten minutes (service-bus.json). An attempt is sent at most 375 s before
# it is due, so for so long after that a second copy is certainly dropped; a later loss is for the sweep.
STILL_KNOWN: Final = timedelta(minutes=3)
# Contention ends as soon as the others are done.
CONTENTION_RETRY_AFTER_SECONDS: Final = 1


class Outcome(StrEnum):
    """What became of an attempt. After each of them the message is completed.

    `busy`, `unavailable`: KakaoTalk takes no more for the moment, or does not answer; the next attempt is in the queue.
    `too-early`: it is too early to ask KakaoTalk whom it told; the next attempt is in the queue.
    `stale`: a late copy, or another one was faster: nothing was done. The others: how the registration ended.
    """

    REGISTERED = "registered"
    REFUSED = "refused"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    STALE = "stale"
    TOO_EARLY = "too-early"
    BUSY = "busy"
    UNAVAILABLE = "unavailable"


class TryMetrics(Protocol):
    def count_registration(self) -> None: ...

    def count_try(self, outcome: str) -> None: ...

    def count_ended(self, status: RegistrationStatus) -> None: ...

    def record_registered_after(self, accepted_at: datetime) -> None: ...

    def time_kakao_call(self) -> AbstractContextManager[None]:
        """Times what runs inside, by its outcome."""


@dataclass(frozen=True)
class Settlement:
    """How a registration ends after KakaoTalk has notified the customer."""

    stored: StoredRegistration
    end: Registration
    events: Sequence[CustomerEvent]
    customer: Customer | None = None


@dataclass(frozen=True)
class TryRegistration:
    """By the etag of the document, of two attempts only one claims it, and of two ends only one happens.

    `seconds`: how long KakaoTalk and the database have together.
    """

    registrations: PostponedRegistrations
    queue: AttemptQueue
    kakao: KakaoTalk
    keep_key: KeepKey
    clock: Clock
    new_id: NewId
    metrics: TryMetrics
    seconds: float

    async def __call__(self, attempt: Attempt) -> Outcome:
        """Tries, and sends the next attempt if there is to be one.

        Raises StoreUnavailable, PublisherUnavailable: the message is not to be completed.
        """
        outcome = await self._try_again_if_changed(attempt)
        self.metrics.count_try(outcome)
        return outcome

    async def _try_again_if_changed(self, attempt: Attempt) -> Outcome:
        for _ in range(REPETITIONS):
            try:
                return await self._try(attempt)
            except PreconditionFailed:
                continue  # withdrawn, or claimed by a copy of this attempt: what is left to do, if anything?
        raise StoreUnavailable("The registration keeps changing.", CONTENTION_RETRY_AFTER_SECONDS)

    async def _try(self, attempt: Attempt) -> Outcome:
        """Raises PreconditionFailed if the registration changed before it was claimed or ended."""
        stored = await self.registrations.find(attempt.customer_id)
        live = stored.registration.next_attempt if stored else None
        now = self.clock()
        if stored is None or live is None or live.number != attempt.number:
            if live and live.number == attempt.number + 1 and now < live.due_at + STILL_KNOWN:
                # Perhaps whoever claimed this one crashed before sending the next. If not, the queue drops it.
                await self.queue.send([live])
            return Outcome.STALE
        registration = stored.registration
        if registration.is_over(now):
            return await self._end_unless_told(stored, registration.expired(), registration.tried_at)
        if registration.is_pending:
            return await self._claim(stored, now)
        return await self._end_unless_told(stored, registration.settled(), registration.tried_at)

    async def _claim(self, stored: StoredRegistration, now: datetime) -> Outcome:
        """Claims the attempt and asks KakaoTalk to notify. From then on the next attempt is the live one."""
        registration = stored.registration
        try:
            self.kakao.check_available()
        except KakaoUnavailable as failure:
            return await self._put_off(stored, pause_after(registration.attempt), _outcome(failure))
        claim = registration.claimed(now, pause_after(registration.attempt))
        claimed = await self.registrations.replace(stored, claim)
        try:
            return await self._notify(claimed, registration)
        except (StoreUnavailable, PreconditionFailed):
            # What KakaoTalk has answered is not stored, or the registration was withdrawn: the next attempt sees to it.
            await self._send(claim)
            raise

    async def _notify(self, claimed: StoredRegistration, before: Registration) -> Outcome:
        """`before`: the registration without the claim."""
        customer, deadline = _customer(before, self.clock()), Deadline.after(self.seconds)
        try:
            with self.metrics.time_kakao_call():
                await self.kakao.notify_registered(customer, deadline, is_retry=True)
        except KakaoRefused as refusal:
            refused = claimed.registration.refused(str(refusal))
            if before.may_be_told:
                return await self._end_unless_told(claimed, refused, before.tried_at)
            return await self._end(claimed, refused)
        except KakaoUnavailable as failure:
            later = claimed.registration
            if isinstance(failure, KakaoBusy):
                # It works, and will take this one soon: the pace of trying keeps the others from asking too often.
                later = later.due_after(self.clock(), pause_after(0))
            await self._send(later)
            if not (before.may_be_told or failure.may_be_told):
                with suppress(PreconditionFailed):  # withdrawn: the next attempt asks, for nothing
                    await self.registrations.replace(claimed, later.not_told())
            return _outcome(failure)
        return await self._settle(claimed, customer, deadline)

    async def _end_unless_told(
        self, stored: StoredRegistration, end: Registration, tried_at: datetime | None
    ) -> Outcome:
        """Asks KakaoTalk whether it told the customer, if it may have, at `tried_at` or before.

        Raises PreconditionFailed if the registration has changed.
        """
        registration, now = stored.registration, self.clock()
        if not registration.may_be_told:
            return await self._end(stored, end)
        if tried_at and now < tried_at + KNOWN_AFTER:
            return await self._put_off(stored, KNOWN_AFTER, Outcome.TOO_EARLY)
        deadline = Deadline.after(self.seconds)
        try:
            self.kakao.check_available()
            is_told = await self.kakao.was_told(registration.customer_id, deadline)
        except KakaoUnavailable as failure:
            if registration.is_to_be_forgotten(now):
                log.warning("registration %s ends, and nobody knows what KakaoTalk was told", registration.customer_id)
                return await self._end(stored, end)
            await self.keep_key(registration, now)
            return await self._put_off(stored, pause_after(registration.attempt), _outcome(failure))
        if is_told:
            return await self._settle(stored, _customer(registration, now), deadline)
        return await self._end(stored, end)

    async def _end(self, stored: StoredRegistration, end: Registration) -> Outcome:
        """Without a customer. Raises PreconditionFailed if the registration has changed."""
        await self.keep_key(stored.registration, self.clock())
        await self.registrations.replace(stored, end)
        if stored.registration.is_pending:
            self.metrics.count_ended(end.status)
        return Outcome(end.status)

    async def _settle(self, stored: StoredRegistration, customer: Customer, deadline: Deadline) -> Outcome:
        """KakaoTalk has notified the customer, whatever has become of the registration since."""
        registered = CustomerEvent.registered(self.new_id(), customer)
        canceled = CustomerEvent.canceled(self.new_id(), customer, self.clock())
        for _ in range(REPETITIONS):
            registration = stored.registration
            if registration.next_attempt is None:
                return Outcome.STALE  # another attempt was faster
            await self.keep_key(registration, self.clock())
            if registration.is_pending:
                settlement = Settlement(stored, registration.registered(customer), [registered], customer)
            else:
                # Withdrawn: the customer gets the message of a cancellation after that of the registration.
                settlement = Settlement(stored, registration.settled(), _expiring(registration, registered, canceled))
            try:
                await self._store(settlement, deadline)
            except AlreadyExists:
                # Registered at once by a version that knows nothing of postponing: customer and event are there.
                return await self._end(stored, settlement.end)
            except PreconditionFailed:
                current = await self.registrations.find(customer.customer_id)
                if current is None:
                    return Outcome.STALE
                stored = current
                continue
            return self._count(settlement)
        raise StoreUnavailable("The registration keeps changing.", CONTENTION_RETRY_AFTER_SECONDS)

    async def _store(self, settlement: Settlement, deadline: Deadline) -> None:
        """A write whose answer was lost is recognised by its events."""
        await while_unavailable(
            deadline,
            lambda: self.registrations.settle(
                settlement.stored, settlement.end, settlement.events, settlement.customer
            ),
            grace=GRACE_FOR_STORING,
        )

    def _count(self, settlement: Settlement) -> Outcome:
        if settlement.customer:
            self.metrics.count_registration()
            self.metrics.count_ended(settlement.end.status)
            self.metrics.record_registered_after(settlement.end.accepted_at)
        return Outcome(settlement.end.status)

    async def _put_off(self, stored: StoredRegistration, pause: timedelta, outcome: Outcome) -> Outcome:
        """To the next attempt, without asking to notify. Raises PreconditionFailed if the registration has changed."""
        later = stored.registration.postponed_again(self.clock(), pause)
        await self.registrations.replace(stored, later)
        await self._send(later)
        return outcome

    async def _send(self, registration: Registration) -> None:
        if attempt := registration.next_attempt:
            await self.queue.send([attempt])


@dataclass(frozen=True)
class KeepRegistrations:
    """What the sweep does to single registrations that it has found. Each may have changed since."""

    registrations: PostponedRegistrations
    keep_key: KeepKey
    clock: Clock
    count_ended: Callable[[RegistrationStatus], None]

    async def expire(self, stored: StoredRegistration) -> bool:
        """Ends one whose time is up and of which KakaoTalk has certainly told nobody. Raises StoreUnavailable."""
        registration, now = stored.registration, self.clock()
        if registration.may_be_told or not registration.is_over(now):
            return False
        await self.keep_key(registration, now)
        try:
            await self.registrations.replace(stored, registration.expired())
        except PreconditionFailed:
            return False
        self.count_ended(RegistrationStatus.EXPIRED)
        return True

    async def renew(self, stored: StoredRegistration) -> Attempt | None:
        """The attempt to send instead of the live one, which was lost. None: there is nothing to do.

        Raises StoreUnavailable.
        """
        if stored.registration.next_attempt is None:
            return None
        renewed = stored.registration.postponed_again(self.clock(), pause_after(0))
        try:
            await self.registrations.replace(stored, renewed)
        except PreconditionFailed:
            return None
        return renewed.next_attempt


def _customer(registration: Registration, now: datetime) -> Customer:
    """The customer that the registration is about. There are details as long as something is left to do."""
    if registration.details is None:
        raise ValueError(f"registration {registration.customer_id} has something left to do, and no details")
    signature = Signature(registration.owner, registration.consent)
    return Customer.register(registration.customer_id, registration.details, now, signature)


def _expiring(withdrawn: Registration, *events: CustomerEvent) -> Sequence[CustomerEvent]:
    """The events of somebody who has withdrawn, who is to be forgotten from then on, however late they happen."""
    if withdrawn.withdrawn_at is None:
        return events
    return [event.expiring(withdrawn.withdrawn_at + UNHANDLED_AFTER) for event in events]


def _outcome(failure: KakaoUnavailable) -> Outcome:
    return Outcome.BUSY if isinstance(failure, KakaoBusy) else Outcome.UNAVAILABLE
