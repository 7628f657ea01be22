"""People who register, cancel and register again: a world in which no request ever ends in time.

A request may be suspended for as long as the test likes, a write that was given up may still arrive, and each request
has a clock of its own.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.callers import Owner, belonging_to
from shared.domain.customer import Customer, Signature
from shared.domain.errors import DomainError
from shared.domain.identifiers import CustomerId
from shared.use_cases.cancelling import any_version
from shared.use_cases.deadline import Deadline
from shared.use_cases.postponing import RegistrationRequest
from tests.unit.fakes import YEON
from tests.unit.use_cases.postponing_ports import BLOCKED
from tests.unit.use_cases.postponing_world import SECONDS, Operation, World

ANN = Owner("kakao:1")
BEN = Owner("kakao:2")


@dataclass(frozen=True)
class Wish:
    """What somebody asks for. `skew`: how far the clock is wrong that serves the request."""

    owner: Owner | None = ANN
    key: str | None = None
    may_be_postponed: bool = False
    is_blocked: bool = False
    skew: timedelta = timedelta()


class ClaimingWorld(World):
    def __init__(self) -> None:
        super().__init__()
        self.late_calls = []
        self.skews: dict[int, timedelta] = {}
        self.answers: dict[int, object] = {}

    def claim_clock(self) -> datetime:
        current = [each for each in self.operations if each.task is asyncio.current_task()]
        return self.now + (self.skews.get(id(current[0]), timedelta()) if current else timedelta())

    def register_as(self, wish: Wish) -> Operation:
        """POST /customers."""
        return self._ask(wish, admitted=True)

    def postpone_as(self, wish: Wish) -> Operation:
        """POST /customers, which admission refuses."""
        return self._ask(wish, admitted=False)

    def _ask(self, wish: Wish, *, admitted: bool) -> Operation:
        details = BLOCKED if wish.is_blocked else YEON
        request = RegistrationRequest(details, wish.key, wish.may_be_postponed, Signature(wish.owner))
        use_case = self.register if admitted else self.postpone
        operations: list[Operation] = []

        async def work() -> None:
            # Up to the first call of a port nothing reads the clock.
            try:
                answer: object = await use_case(request, Deadline.after(SECONDS))
            except DomainError as error:
                answer = error
            self.answers[id(operations[0])] = answer

        operation = self.start("ask", work)
        operations.append(operation)
        self.skews[id(operation)] = wish.skew
        return operation

    def answer(self, operation: Operation) -> object:
        """What it was answered; it runs to its end, and nothing fails."""
        while operation in self.operations:
            self.go_on(operation)
        return self.answers[id(operation)]

    def registered(self, owner: Owner = ANN) -> CustomerId:
        """The id of somebody who has just registered, and nothing failed."""
        customer = self.answer(self.register_as(Wish(owner)))
        assert isinstance(customer, Customer), customer
        return customer.customer_id

    def cancel_as(self, owner: Owner, customer_id: CustomerId) -> Operation:
        return self.start("cancel", lambda: self.cancel(customer_id, any_version, belonging_to(owner)))

    def withdraw_as(self, owner: Owner, customer_id: CustomerId) -> Operation:
        return self.start("withdraw", lambda: self.withdraw(customer_id, belonging_to(owner)))

    def end(self, operation: Operation) -> None:
        while operation in self.operations:
            self.go_on(operation)

    def suspend(self, duration: timedelta) -> None:
        """Time passes, and no request ends by that."""
        self.now += duration
        self.kakao.catch_up()

    def arrive(self) -> None:
        """What was given up first arrives now, and is done if its conditions hold."""

        async def call() -> None:
            assert self.late_calls
            with suppress(DomainError):  # nobody hears the answer
                await self.late_calls.pop(0)()

        self.loop.run_until_complete(call())

    def customers_of(self, owner: Owner) -> list[CustomerId]:
        return [each.customer_id for each in self.partitions.customers.values() if each.owner == owner]

    def pending_of(self, owner: Owner) -> list[CustomerId]:
        registrations = [each.registration for each in self.partitions.registrations.values()]
        return [each.customer_id for each in registrations if each.owner == owner and each.is_pending]

    def live(self, owner: Owner = ANN) -> list[CustomerId]:
        """The registrations that live: there is a customer, or there may be one."""
        return self.customers_of(owner) + self.pending_of(owner)

    def check_one_lives(self) -> None:
        for owner in (ANN, BEN):
            live = self.live(owner)
            assert len(live) <= 1, f"{owner} has {live}"
