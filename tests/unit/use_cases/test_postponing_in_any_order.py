"""Whatever comes in whatever order, and wherever it fails: in the end everything fits together."""

from dataclasses import dataclass
from datetime import timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from shared.domain.identifiers import CustomerId
from tests.unit.fakes import YEON
from tests.unit.use_cases.postponing_ports import BLOCKED, How
from tests.unit.use_cases.postponing_world import Operation, World

DETAILS = {None: YEON, "a": YEON, "b": YEON, "blocked": BLOCKED}
NTH = st.integers(0, 7)
# The first is the simplest, to which an example shrinks.
HOWS = st.sampled_from([How.WELL, How.WELL, How.WELL, *How])
NOT_TAKEN = [How.BUSY, How.UNAVAILABLE, How.ANSWER_LOST, How.LATER]
DURATIONS = st.sampled_from(
    [
        *(timedelta(seconds=each) for each in (4, 9, 31, 61)),
        timedelta(minutes=11),
        *(timedelta(hours=each) for each in (13, 24, 49)),
    ]
)


@dataclass(frozen=True)
class Course:
    """How an operation goes on: some calls succeed, the next goes as `how` says; then it ends well, or stops there."""

    calls: int
    how: How
    stops: bool


COURSES = st.builds(Course, calls=st.integers(0, 5), how=HOWS, stops=st.booleans())


class AnyOrder(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.world = World()

    def _run(self, operation: Operation, course: Course) -> None:
        for how in [How.WELL] * course.calls + [course.how]:
            self.world.go_on(operation, how)
        while not course.stops and operation in self.world.operations:
            self.world.go_on(operation)

    @rule(key=st.sampled_from(list(DETAILS)), may_be_postponed=st.booleans(), course=COURSES)
    def ask(self, key: str | None, course: Course, *, may_be_postponed: bool) -> None:
        self._run(self.world.ask(DETAILS[key], key, may_be_postponed=may_be_postponed), course)

    def _until_kakao(self, operation: Operation, how: How) -> None:
        """Its call of kakao goes like this."""
        while operation in self.world.operations:
            self.world.go_on(operation, how if operation.call.startswith("Kakao") else How.WELL)

    @rule(key=st.sampled_from(list(DETAILS)), how=st.sampled_from(NOT_TAKEN))
    def postpone(self, key: str | None, how: How) -> None:
        self._until_kakao(self.world.ask(DETAILS[key], key, may_be_postponed=True), how)

    @precondition(lambda self: self.world.partitions.attempts or self.world.queue.messages)
    @rule(how=HOWS)
    def try_the_next(self, how: How) -> None:
        self._until_kakao(self.world.deliver(self.world.wait()), how)

    @rule(key=st.sampled_from(list(DETAILS)), course=COURSES)
    def ask_when_refused(self, key: str | None, course: Course) -> None:
        self._run(self.world.ask_when_refused(DETAILS[key], key), course)

    @precondition(lambda self: self.world.operations)
    @rule(nth=NTH, how=HOWS)
    def go_on(self, nth: int, how: How) -> None:
        operations = self.world.operations
        self.world.go_on(operations[nth % len(operations)], how)

    @precondition(lambda self: self.world.operations)
    @rule()
    def finish(self) -> None:
        self.world.finish()

    @precondition(lambda self: self.world.partitions.attempts)
    @rule(is_lost=st.booleans())
    def publish(self, *, is_lost: bool) -> None:
        if is_lost:
            self.world.partitions.attempts.clear()
        self.world.publish()

    @rule()
    def wait_until_something_is_due(self) -> None:
        """Seconds, so that what has stopped is not given up."""
        self.world.publish()
        waits = [attempt.due_at - self.world.now for attempt in self.world.queue.messages.values()]
        self.world.pass_time(max(timedelta(), min(waits, default=timedelta())))

    @precondition(lambda self: self.world.queue.due())
    @rule(nth=NTH, course=COURSES)
    def deliver(self, nth: int, course: Course) -> None:
        due = self.world.queue.due()
        self._run(self.world.deliver(due[nth % len(due)]), course)

    @precondition(lambda self: self.world.queue.ever)
    @rule(nth=NTH, course=COURSES)
    def deliver_a_copy(self, nth: int, course: Course) -> None:
        ever = self.world.queue.ever
        self._run(self.world.deliver(ever[nth % len(ever)]), course)

    @precondition(lambda self: self.world.partitions.ever)
    @rule(nth=NTH, course=COURSES)
    def delete_registration(self, nth: int, course: Course) -> None:
        self._run(self.world.delete_registration(self._known_id(nth)), course)

    @precondition(lambda self: self.world.partitions.ever or self.world.partitions.customers)
    @rule(nth=NTH, course=COURSES)
    def delete_customer(self, nth: int, course: Course) -> None:
        self._run(self.world.delete_customer(self._known_id(nth)), course)

    def _known_id(self, nth: int) -> CustomerId:
        ids = sorted({*self.world.partitions.ever, *self.world.partitions.customers})
        return CustomerId(ids[nth % len(ids)])

    @rule(course=COURSES)
    def sweep(self, course: Course) -> None:
        self._run(self.world.sweep(), course)

    @rule(duration=DURATIONS)
    def pass_time(self, duration: timedelta) -> None:
        if not self.world.partitions.loses_by(self.world.now + duration):
            self.world.pass_time(duration)

    @rule(is_away=st.booleans())
    def kakao(self, *, is_away: bool) -> None:
        self.world.kakao.is_away = is_away

    @invariant()
    def what_is_always_true(self) -> None:
        self.world.check_always()

    def teardown(self) -> None:
        try:
            self.world.settle()
            self.world.check_in_the_end()
        finally:
            self.world.close()


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=150, stateful_step_count=40, suppress_health_check=list(HealthCheck))
