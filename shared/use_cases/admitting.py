"""Who may register now. Whoever cannot be served in time learns it here, before anything was done for him."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from shared.domain.errors import DomainError, Unavailable
from shared.use_cases.deadline import Deadline


@dataclass(slots=True)
class Slot:
    """The right to run. `deadline`: until when the caller waits; `began`: on the clock of the event loop.

    `moved`: the same on the queue's own clock; `served`: set to False if it was in vain.
    """

    deadline: Deadline
    began: float
    moved: float
    served: bool = True


class Queue(Protocol):
    """Registrations that run and that wait."""

    async def enter(self) -> Slot:
        """Waits for a slot. Raises Overloaded, at once or when the caller's time is up."""

    def leave(self, slot: Slot) -> None:
        """Gives the slot back."""


class Kakao(Protocol):
    def check_takes_new(self) -> None:
        """Raises KakaoUnavailable if a call for a new registration would be refused, however long its caller waits."""


@dataclass(frozen=True)
class AdmitRegistration:
    """Refuses at once what cannot be served within its time.

    `opened`: waits for what the process opens at its start, which does not count as the caller's time.
    """

    queue: Queue
    kakao: Kakao
    opened: Callable[[], Awaitable[None]]
    count_refusal: Callable[[DomainError], None]

    async def __call__(self, *, repeated: bool, may_be_postponed: bool = False) -> Slot:
        """One registration. `repeated`: it may have its answer already, for which kakao is not needed.

        The slot is to be given back to `leave`. Raises Overloaded, KakaoUnavailable, which is not counted if it
        `may_be_postponed`: then it is not refused.
        """
        await self.opened()
        try:
            if not repeated:
                self.kakao.check_takes_new()
            return await self.queue.enter()
        except Unavailable as error:
            if not may_be_postponed:
                self.count_refusal(error)
            raise

    def leave(self, slot: Slot) -> None:
        self.queue.leave(slot)
