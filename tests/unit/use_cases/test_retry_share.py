"""New messages and a backlog of retries at a provider of a fixed capacity, in virtual time."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field

import pytest

from shared.adapters.kakao_providers.sandbox import SandboxProvider
from shared.domain.errors import ProviderBusy
from shared.domain.kakao_message import AlimTalk, MessageKind, message_id
from shared.domain.sandbox import SandboxBehaviour
from shared.settings import Settings
from shared.use_cases.retry_share import CONTESTED_SECONDS, RetryShare
from tests.unit.fakes import CUSTOMER_ID
from tests.virtual_time import run_virtually, virtual_loop

MESSAGE = AlimTalk(
    message_id=message_id(CUSTOMER_ID, MessageKind.NOTICE),
    recipient=CUSTOMER_ID,
    template_code="ssak8-notice",
    variables={"customerName": "yeon"},
)
SECONDS = 60
SETTLING = 2
"""Seconds at the beginning that are not looked at: the provider has saved up half a second of its capacity."""


@dataclass(frozen=True)
class End:
    """How a message ended."""

    began: float
    is_retry: bool
    accepted: bool


@dataclass
class Load:
    """`offered`: new messages a second at a moment. `patient`: retries slow down when they are turned away."""

    capacity: float
    offered: Callable[[float], float]
    patient: bool = True
    seconds: float = SECONDS
    ends: list[End] = field(default_factory=list)

    def run(self) -> "Load":
        run_virtually(self._run())
        return self

    async def _run(self) -> None:
        self._share = RetryShare(virtual_loop().time)
        self._random = random.Random(1)  # noqa: S311
        self._provider = SandboxProvider(Settings.model_construct(), random.Random(2))  # noqa: S311
        self._provider.behave(
            SandboxBehaviour(capacity=self.capacity, latency_median_seconds=0.03, latency_p99_seconds=0.2)
        )
        self._rate = 5.0
        self._slowed = 0.0
        async with asyncio.TaskGroup() as group:
            await asyncio.gather(self._send_new(group), self._retry(group))

    async def _send_new(self, group: asyncio.TaskGroup) -> None:
        while (now := virtual_loop().time()) < self.seconds:
            if rate := self.offered(now):
                group.create_task(self._send(is_retry=False))
            await asyncio.sleep(self._random.uniform(0.5, 1.5) / rate if rate else 0.1)

    async def _retry(self, group: asyncio.TaskGroup) -> None:
        """A backlog without end."""
        while virtual_loop().time() < self.seconds:
            group.create_task(self._send_retry())
            rate = self._rate if self.patient else 4 * self.capacity
            await asyncio.sleep(self._random.uniform(0.5, 1.5) / rate)

    async def _send_retry(self) -> None:
        if await self._send(is_retry=True):
            self._rate += 0.5
        elif (now := virtual_loop().time()) > self._slowed + 0.5:
            self._rate, self._slowed = max(1.0, 0.7 * self._rate), now

    async def _send(self, *, is_retry: bool) -> bool:
        began, accepted = virtual_loop().time(), True
        try:
            with self._share.request(is_retry=is_retry):
                await self._provider.send(MESSAGE)
        except ProviderBusy:
            accepted = False
        self.ends.append(End(began, is_retry, accepted))
        return accepted

    def rate(self, *, is_retry: bool, accepted: bool = True, begin: float = SETTLING, end: float = SECONDS) -> float:
        """Messages a second that came between two moments."""
        chosen = [e for e in self.ends if e.is_retry == is_retry and (e.accepted or not accepted)]
        return sum(begin <= e.began < end for e in chosen) / (end - begin)


@pytest.mark.parametrize("patient", [True, False])
@pytest.mark.parametrize("capacity", [10, 50])
@pytest.mark.parametrize("times", [0.5, 0.8, 1, 2, 4])
def test_new_messages_get_nine_tenths_of_what_the_provider_can_give_them(
    capacity: float, times: float, *, patient: bool
) -> None:
    load = Load(capacity, lambda _: times * capacity, patient=patient).run()

    new, retries = load.rate(is_retry=False), load.rate(is_retry=True)
    assert new >= 0.9 * min(times, 1) * capacity
    if times > 1:
        assert 0 < retries <= (new + retries) / 10
    if times < 1:
        assert retries >= 0.9 * (capacity - new)


@pytest.mark.parametrize(("patient", "share"), [(True, 0.9), (False, 0.75)])
def test_without_new_messages_retries_get_nearly_all(*, patient: bool, share: float) -> None:
    load = Load(50, lambda _: 0, patient=patient).run()

    assert load.rate(is_retry=True) >= share * 50


def test_when_new_messages_come_retries_give_way_at_once() -> None:
    load = Load(50, lambda now: 0 if now < 20 else 100, patient=False).run()

    new, retries = (load.rate(is_retry=kind, begin=20.5, end=25) for kind in (False, True))
    assert new >= 0.9 * 50
    assert retries <= 0.1 * 50


def test_when_new_messages_become_few_retries_take_over_within_seconds() -> None:
    load = Load(50, lambda now: 100 if now < 20 else 5, patient=False).run()

    assert load.rate(is_retry=True, begin=15, end=20) <= 5
    assert load.rate(is_retry=True, begin=30, end=SECONDS) >= 0.85 * 45


def virtually(test: Callable[[], Coroutine[None, None, None]]) -> Callable[[], None]:
    def run() -> None:
        run_virtually(test())

    return run


def turn_away(share: RetryShare, *, is_retry: bool) -> None:
    with pytest.raises(ProviderBusy, match="full"), share.request(is_retry=is_retry):
        raise ProviderBusy("full", 1)


async def _nothing_is_taken() -> None:
    share = RetryShare(virtual_loop().time)
    for _ in range(100):
        with pytest.raises(ProviderBusy), share.request(is_retry=True):
            raise ProviderBusy("full", 1)
        await asyncio.sleep(1.1)

    with share.request(is_retry=True):
        pass


test_however_long_nothing_is_taken_retries_find_out_when_that_changes = virtually(_nothing_is_taken)


async def _pause() -> None:
    share = RetryShare(virtual_loop().time)
    turn_away(share, is_retry=False)

    with pytest.raises(ProviderBusy, match="share") as busy, share.request(is_retry=True):
        raise AssertionError("the provider was asked")

    assert CONTESTED_SECONDS <= busy.value.retry_after <= 5
    await asyncio.sleep(busy.value.retry_after)
    with share.request(is_retry=True):
        pass


test_a_retry_beyond_the_share_is_told_when_there_is_one_for_it = virtually(_pause)


async def _failures() -> None:
    share = RetryShare(virtual_loop().time)
    for _ in range(100):
        with pytest.raises(ValueError, match="x"), share.request(is_retry=False):
            raise ValueError("x")
        with share.request(is_retry=True):
            pass


test_other_failures_of_new_messages_take_nothing_from_retries = virtually(_failures)
