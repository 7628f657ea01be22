"""Corrections and cancellations at once: whatever happens in between, it is as if one had come after the other."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.customer import Customer, CustomerDetails
from shared.domain.customer_view import CustomerView, view_of
from shared.domain.errors import DomainError, NotFound, PreconditionFailed, StoreUnavailable
from shared.domain.events import CustomerEvent
from shared.domain.identifiers import CustomerId
from shared.use_cases.cancelling import CancelRegistration, Precondition, any_version
from shared.use_cases.correcting import CorrectCustomer
from tests.unit.fakes import WITH_PHONE, YEON
from tests.unit.use_cases.postponing_ports import Gate, How
from tests.unit.use_cases.postponing_world import World

ANSWER_LOST = "answer lost"
# Calls that an attempt makes until the customer is registered, and a few more.
LONGEST_ATTEMPT = 8

type Draw = Callable[[st.SearchStrategy[Any]], Any]


def first_version(version: int) -> bool:
    return version == 1


@dataclass(frozen=True)
class Request:
    """`change`: what a correction sets; None cancels."""

    change: dict[str, Any] | None
    precondition: Precondition = any_version

    def correction(self, details: CustomerDetails) -> CustomerDetails:
        return details.model_copy(update=self.change)

    def after(self, customer: Customer | None) -> tuple[Customer | None, object]:
        """The customer after this request alone, and how it is answered."""
        if customer is None:
            return None, NotFound
        if not self.precondition(customer.version):
            return customer, PreconditionFailed
        if self.change is None:
            return None, None
        corrected = customer.corrected(self.correction(customer), customer.registered_at)
        return corrected, seen(corrected)


CANCELLATION = Request(None)
REQUESTS = [
    CANCELLATION,
    Request(None, first_version),
    Request({"customer_age": 21}),
    Request({"customer_age": 22}, first_version),
    Request({"customer_phone": "01099990000"}),
    Request(dict(WITH_PHONE.model_copy(update={"customer_name": "kim"}))),
    Request(dict(YEON)),
]


def seen(customer: Customer) -> object:
    """What a client sees of a correction, without its time."""
    return customer.version, CustomerDetails.from_record(customer)


class Corrections(World):
    """The system, in which one customer is registered or pending. `answers`: of each request, in its order."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: dict[int, object] = {}
        customers: Any = Gate(self, self.partitions, lambda: StoreUnavailable("away", 1))
        self.correct = CorrectCustomer(customers, self.clock, self.new_id)
        self.cancel = CancelRegistration(customers, self.withdraw, self.clock, self.new_id, lambda: None)

    def registered_customer(self) -> Customer:
        self.ask(YEON, None, may_be_postponed=False)
        self.finish()
        [customer] = self.partitions.customers.values()
        return customer

    def begin(self, number: int, request: Request, customer_id: CustomerId) -> None:
        async def work() -> None:
            try:
                if request.change is None:
                    await self.cancel(customer_id, request.precondition)
                    self.answers[number] = None
                else:
                    self.answers[number] = seen(
                        await self.correct(customer_id, request.correction, request.precondition)
                    )
            except StoreUnavailable:
                self.answers[number] = ANSWER_LOST
            except DomainError as error:
                self.answers[number] = type(error)

        self.start("request", work)

    def interleave(self, draw: Draw, hows: Sequence[How]) -> None:
        """Goes on with any of them until all have ended."""
        while self.operations:
            self.go_on(draw(st.sampled_from(self.operations)), draw(st.sampled_from(hows)))

    def begin_meanwhile(self, draw: Draw, requests: Sequence[Request], customer_id: CustomerId) -> None:
        """Begins one after the other, and before each goes some steps on with what has begun."""
        for number, request in enumerate(requests):
            for _ in range(draw(st.integers(0, LONGEST_ATTEMPT))):
                if self.operations:
                    self.go_on(draw(st.sampled_from(self.operations)))
            self.begin(number, request, customer_id)


def one_after_the_other(
    customer: Customer, requests: Sequence[Request], unknown: frozenset[int]
) -> Iterator[tuple[dict[int, object], object]]:
    """Every possible end: the answers, and what is seen of the customer. Each of `unknown` may have been done."""
    for order in itertools.permutations(range(len(requests))):
        for undone in itertools.chain.from_iterable(
            itertools.combinations(sorted(unknown), size) for size in range(len(unknown) + 1)
        ):
            current: Customer | None = customer
            answers: dict[int, object] = dict.fromkeys(unknown, ANSWER_LOST)
            for number in order:
                if number in undone:
                    continue
                current, answer = requests[number].after(current)
                if number not in unknown:
                    answers[number] = answer
            yield answers, current and seen(current)


def check_events(world: Corrections, customer_id: CustomerId) -> None:
    """Every version exactly once, in its order; the last one is what is stored, and what any view ends with."""
    events = [event for event in world.partitions.outbox if event.subject == customer_id]
    assert [event.data.version for event in events] == list(range(1, len(events) + 1))
    types = [str(event.type) for event in events]
    assert types[:1] in ([], ["CustomerRegistered"])
    assert set(types[1:-1]) <= {"CustomerUpdated"}
    customer = world.partitions.customers.get(customer_id)
    assert (customer is None) == (types[-1:] in ([], ["CustomerRegisterCanceled"]))
    for before, event in itertools.pairwise(events):
        details = [CustomerDetails.from_record(each.data) for each in (before, event)]
        assert (details[0] != details[1]) == (event.type == "CustomerUpdated")
    if customer:
        assert CustomerDetails.from_record(customer) == CustomerDetails.from_record(events[-1].data)
    views = [view_after(order) for order in (events, events[::-1], events[1:] + events[:1])]
    assert views[0] == views[1] == views[2]
    if views[0]:
        assert (views[0].version, views[0].status == "CANCELED") == (len(events), customer is None)
        assert views[0].registered_at == events[0].time


def view_after(events: Sequence[CustomerEvent]) -> CustomerView | None:
    view: CustomerView | None = None
    for event in events:
        latest = view_of(event)
        view = (view.moved_to(latest) or view) if view else latest
    return view


@given(data=st.data())
@pytest.mark.parametrize("hows", [[How.WELL], [How.WELL, How.WELL, How.WELL, How.ANSWER_LOST, How.UNAVAILABLE]])
def test_requests_at_once_end_as_if_one_had_come_after_the_other(data: st.DataObject, hows: list[How]) -> None:
    requests = data.draw(st.lists(st.sampled_from(REQUESTS), min_size=2, max_size=4))
    world = Corrections()
    try:
        customer = world.registered_customer()
        for number, request in enumerate(requests):
            world.begin(number, request, customer.customer_id)

        world.interleave(data.draw, hows)

        unknown = frozenset(number for number, answer in world.answers.items() if answer == ANSWER_LOST)
        stored = world.partitions.customers.get(customer.customer_id)
        ends = one_after_the_other(customer, requests, unknown)
        assert (world.answers, stored and seen(stored)) in list(ends)
        check_events(world, customer.customer_id)
    finally:
        world.close()


@given(data=st.data())
def test_a_registration_is_tried_withdrawn_and_corrected_at_once(data: st.DataObject) -> None:
    world = Corrections()
    try:
        world.kakao.is_away = True
        world.ask(YEON, "key", may_be_postponed=True)
        world.finish()
        attempt = world.wait()
        world.kakao.is_away = False
        world.pass_time(timedelta(seconds=1))
        world.deliver(attempt)
        corrections = data.draw(st.lists(st.sampled_from(REQUESTS[2:]), min_size=1, max_size=3))

        world.begin_meanwhile(data.draw, data.draw(st.permutations([CANCELLATION, *corrections])), attempt.customer_id)
        world.interleave(data.draw, [How.WELL])

        world.check_always()
        world.settle()
        world.check_in_the_end()
        check_events(world, attempt.customer_id)
        answered = [answer for answer in world.answers.values() if isinstance(answer, tuple)]
        events = [event for event in world.partitions.outbox if event.type == "CustomerUpdated"]
        announced = [(event.data.version, CustomerDetails.from_record(event.data)) for event in events]
        assert all(answer in announced or answer == (1, YEON) for answer in answered)
    finally:
        world.close()
