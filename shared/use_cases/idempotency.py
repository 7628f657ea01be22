"""Where idempotency keys are kept."""

from datetime import timedelta
from typing import Protocol

from shared.domain.idempotency import Reservation
from shared.domain.identifiers import CustomerId


class Reservations(Protocol):
    async def reserve(self, key: str, reservation: Reservation, lifetime: timedelta | None = None) -> Reservation:
        """Returns `reservation` if the key is new, else the first one with this key, marked as repeated.

        `lifetime`: of a new key, None for the usual. A repeated key does not live longer. Raises StoreUnavailable.
        """


class LastingReservations(Reservations, Protocol):
    async def prolong(self, key_digest: str, customer_id: CustomerId, lifetime: timedelta) -> None:
        """The key lives for `lifetime` from now, unless it has expired, or has come to belong to another customer.

        `key_digest`: `shared.domain.idempotency.digest` of the key. Raises StoreUnavailable.
        """
