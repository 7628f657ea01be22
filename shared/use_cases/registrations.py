"""The ports of postponed registrations: where they are stored, the queue of their attempts, and KakaoTalk."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from shared.domain.customer import Customer
from shared.domain.events import CustomerEvent
from shared.domain.identifiers import CustomerId
from shared.domain.registration import Attempt, Registration
from shared.use_cases.deadline import Deadline

# A call of KakaoTalk has ended by then, wherever it was made and whoever gave up waiting for it
# (KAKAO_TIMEOUT_SECONDS is at most 20), and clocks differ a little. Whom it did not tell by then, it never told.
KNOWN_AFTER: Final = timedelta(seconds=30)
# Seconds. A write that has begun is not given up at the deadline.
GRACE_FOR_STORING: Final = 0.5
# A key is prolonged before the end of a registration that expires so soon.
KEY_MARGIN: Final = timedelta(minutes=1)


@dataclass(frozen=True)
class Lifetimes:
    """`registration`: until a postponed one expires. `key`: how long an idempotency key lives beyond the end of it.

    The document of a registration that has ended lives for both together, and so longer than its key: as long as there
    is a key, there is the answer to repeat.
    """

    registration: timedelta
    key: timedelta

    @property
    def key_of_postponed(self) -> timedelta:
        """From the first request on: the registration may end as late as it expires."""
        return self.registration + self.key


@dataclass(frozen=True)
class StoredRegistration:
    """A registration and the etag of the stored document it was read from."""

    registration: Registration
    etag: str


class PostponedRegistrations(Protocol):
    """Each is in the partition of its future customer, so that it ends in one batch."""

    async def accept(self, registration: Registration) -> None:
        """Stores the pending registration and the outbox entry of its attempt, both or neither.

        Storing the same again succeeds. Raises AlreadyExists if there is another one with this id, StoreUnavailable.
        """

    async def find(self, customer_id: CustomerId) -> StoredRegistration | None:
        """Raises StoreUnavailable."""

    async def replace(self, stored: StoredRegistration, registration: Registration) -> StoredRegistration:
        """Stores the registration as it is now.

        Raises PreconditionFailed if it has changed since it was read, StoreUnavailable: it may be stored or not.
        """

    async def settle(
        self,
        stored: StoredRegistration,
        registration: Registration,
        events: Sequence[CustomerEvent],
        customer: Customer | None = None,
    ) -> None:
        """Ends the registration, adds its events to the outbox, and the customer: all or nothing, in one batch.

        With the event of a cancellation, its `Cancellation` is stored too. The document of the registration then lives
        for both `Lifetimes` together.

        Repeating it with the same events succeeds. Raises PreconditionFailed if the registration has changed since it
        was read, AlreadyExists if the customer exists with other events, StoreUnavailable.
        """

    async def due_before(self, moment: datetime, size: int) -> Sequence[StoredRegistration]:
        """At most `size` with something left to do whose live message was due before `moment`, the oldest first.

        Raises StoreUnavailable.
        """

    async def expiring_before(self, moment: datetime, size: int) -> Sequence[StoredRegistration]:
        """At most `size` pending ones that expire before `moment` and of which KakaoTalk has certainly told nobody.

        Raises StoreUnavailable.
        """

    async def oldest(self) -> datetime | None:
        """When the oldest pending one was accepted, None without any. Raises StoreUnavailable."""


@dataclass(frozen=True)
class ReceivedAttempt:
    """An attempt as the queue delivered it. `token`: by which the queue knows it."""

    attempt: Attempt
    token: object


class AttemptQueue(Protocol):
    """The queue of attempts. A message that was received and not completed comes again after a minute."""

    async def send(self, attempts: Sequence[Attempt]) -> None:
        """Each is delivered when it is due; the queue drops what it has seen. Raises PublisherUnavailable."""

    async def receive(self, most: int, seconds: float) -> Sequence[ReceivedAttempt]:
        """What is due, at most so many; empty if nothing comes within `seconds`. Raises PublisherUnavailable.

        A message that is no attempt is put into the dead letters, and logged without its content.
        """

    async def complete(self, received: ReceivedAttempt) -> None:
        """Takes it off the queue; if its lock is lost it comes again. Raises PublisherUnavailable."""


class KakaoTalk(Protocol):
    """The kakao service as an attempt uses it."""

    def check_available(self) -> None:
        """Raises KakaoUnavailable if a call would be refused without being made."""

    async def notify_registered(self, customer: Customer, deadline: Deadline, *, is_retry: bool = False) -> None:
        """Notifies the customer. A retry gets less of what KakaoTalk takes than new registrations do.

        Raises KakaoUnavailable, KakaoBusy, KakaoRefused.
        """

    async def was_told(self, customer_id: CustomerId, deadline: Deadline) -> bool:
        """Whether the customer was notified of the registration. Raises KakaoUnavailable."""
