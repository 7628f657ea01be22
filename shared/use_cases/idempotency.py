"""Where idempotency keys are kept."""

from typing import Protocol

from shared.domain.idempotency import Reservation


class Reservations(Protocol):
    async def reserve(self, key: str, reservation: Reservation) -> Reservation:
        """Returns `reservation` if the key is new, else the first one with this key, marked as repeated.

        Raises StoreUnavailable.
        """
