"""Whatever comes in whatever order, wherever it fails and however late it is: each person has one registration."""

from datetime import timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from shared.domain.callers import Owner
from shared.domain.customer import Customer
from shared.domain.errors import AlreadyRegistered
from tests.unit.fake_registrations import HELD_FOR
from tests.unit.use_cases.claiming_world import ANN, BEN, ClaimingWorld, Wish
from tests.unit.use_cases.postponing_ports import How
from tests.unit.use_cases.postponing_world import Operation
from tests.unit.use_cases.test_postponing_in_any_order import COURSES, HOWS, NTH, Course

OWNERS = st.sampled_from([ANN, ANN, BEN])
LARGEST_SKEW = timedelta(seconds=60)
WISHES = st.builds(
    Wish,
    owner=OWNERS,
    key=st.sampled_from([None, "a", "b"]),
    may_be_postponed=st.booleans(),
    skew=st.sampled_from([timedelta(), timedelta(seconds=3), -timedelta(seconds=3), LARGEST_SKEW, -LARGEST_SKEW]),
)
# About as long as a claim is held, and as kakao's answer is unknown.
DURATIONS = st.sampled_from([timedelta(seconds=each) for each in (1, 6, 13, 31, 90)])


class OneLives(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.world = ClaimingWorld()

    def _run(self, operation: Operation, course: Course) -> None:
        for how in [How.WELL] * course.calls + [course.how]:
            self.world.go_on(operation, how)
        while not course.stops and operation in self.world.operations:
            self.world.go_on(operation)

    @rule(wish=WISHES, course=COURSES)
    def register(self, wish: Wish, course: Course) -> None:
        self._run(self.world.register_as(wish), course)

    @rule(wish=WISHES, how=st.sampled_from(list(How)), stops=st.booleans())
    def store(self, wish: Wish, how: How, *, stops: bool) -> None:
        """Up to the call that stores it, which goes like this."""
        operation = self.world.register_as(wish)
        while operation in self.world.operations and operation.call not in (
            "Partitions.add",
            "FakeRegistrations.accept",
        ):
            self.world.go_on(operation)
        if not stops:
            self.world.go_on(operation, how)

    @rule(wish=WISHES, course=COURSES)
    def ask_kakao(self, wish: Wish, course: Course) -> None:
        """Up to the call of kakao; often a request with the same key is already there."""
        operation = self.world.register_as(wish)
        while operation in self.world.operations and operation.call != "Kakao.notify_registered":
            self.world.go_on(operation)
        if not course.stops:
            self._run(operation, course)

    @rule(wish=WISHES, course=COURSES)
    def postpone(self, wish: Wish, course: Course) -> None:
        self._run(self.world.postpone_as(wish), course)

    @precondition(lambda self: self.world.operations)
    @rule(nth=NTH, how=HOWS)
    def go_on(self, nth: int, how: How) -> None:
        operations = self.world.operations
        self.world.go_on(operations[nth % len(operations)], how)

    @precondition(lambda self: self.world.operations)
    @rule(nth=NTH)
    def end(self, nth: int) -> None:
        operations = self.world.operations
        self.world.end(operations[nth % len(operations)])

    @rule(owner=OWNERS, course=COURSES)
    def cancel(self, owner: Owner, course: Course) -> None:
        for customer_id in self.world.live(owner)[:1]:
            self._run(self.world.cancel_as(owner, customer_id), course)

    @rule(owner=OWNERS, course=COURSES)
    def withdraw(self, owner: Owner, course: Course) -> None:
        for customer_id in self.world.pending_of(owner)[:1]:
            self._run(self.world.withdraw_as(owner, customer_id), course)

    @rule(course=COURSES)
    def try_again(self, course: Course) -> None:
        self.world.publish()
        for attempt in list(self.world.queue.messages.values())[:1]:
            self._run(self.world.deliver(attempt), course)

    @rule(course=COURSES)
    def sweep(self, course: Course) -> None:
        self._run(self.world.sweep(), course)

    @rule(is_away=st.booleans())
    def kakao(self, *, is_away: bool) -> None:
        self.world.kakao.is_away = is_away

    @precondition(lambda self: self.world.late_calls)
    @rule()
    def arrive(self) -> None:
        self.world.arrive()

    @rule(duration=DURATIONS)
    def pass_time(self, duration: timedelta) -> None:
        self.world.suspend(duration)

    @invariant()
    def one_lives(self) -> None:
        self.world.check_one_lives()

    def teardown(self) -> None:
        world = self.world
        world.settle()
        while world.late_calls:
            world.arrive()
            world.check_one_lives()
        world.settle()
        world.suspend(HELD_FOR + LARGEST_SKEW)
        for owner in (ANN, BEN):
            before = world.live(owner)
            answer = world.answer(world.register_as(Wish(owner)))
            if before:
                assert isinstance(answer, AlreadyRegistered)
                assert [answer.registration_id] == before
            else:
                assert isinstance(answer, Customer), f"{owner} is locked out: {answer!r}"
        world.check_one_lives()
        for customer in world.partitions.customers.values():
            assert customer.customer_id in world.kakao.told, "a customer exists whom kakao has not told"
        world.close()


TestOneLives = OneLives.TestCase
TestOneLives.settings = settings(max_examples=150, stateful_step_count=25, suppress_health_check=list(HealthCheck))
