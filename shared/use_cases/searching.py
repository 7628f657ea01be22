"""Searching for a customer, for operators: somebody calls, and says a phone number."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from shared.domain.customer import Customer, CustomerPhone
from shared.domain.phone_number import PhoneNumber
from shared.domain.record import Record

MOST_FOUND: Final = 20
"""A family shares a number, or an office does. Nobody needs a longer list to find somebody."""


class CustomerSearch(Record):
    """A phone number, as people write it. It comes in the body of a request, because URLs are logged."""

    customer_phone: CustomerPhone


class CustomersByPhone(Protocol):
    async def with_phone_number(self, number: PhoneNumber, at_most: int) -> Sequence[Customer]:
        """Newest first. Raises StoreUnavailable."""


@dataclass(frozen=True)
class SearchCustomers:
    """Finds exactly the number: part of one would list strangers."""

    customers: CustomersByPhone

    async def __call__(self, search: CustomerSearch) -> Sequence[Customer]:
        """The newest `MOST_FOUND` at most. Raises StoreUnavailable."""
        return await self.customers.with_phone_number(PhoneNumber(search.customer_phone), MOST_FOUND)
