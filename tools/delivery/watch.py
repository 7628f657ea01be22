"""Calls a system while it is being changed, to find out whether callers would have noticed."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Self

from tools.play import probe
from tools.play.apps import COLLECTIONS

END_SECONDS = 2 * probe.CALL_SECONDS  # a call may have to connect first, and then read


@dataclass
class Watch:
    """Calls the services behind the gateway at `address` every `pause` seconds, between entering and leaving.

    `my_page`: whether there should be a start page, which is called too.
    A service counts from its first good response: nobody can miss what was not there before.
    """

    address: str
    pause: float = 1
    my_page: bool = False
    calls: int = 0
    failures: list[str] = field(default_factory=list)
    broken: str | None = None

    def __post_init__(self) -> None:
        self._stopping = threading.Event()
        self._first_round_done = threading.Event()
        self._all_answered = threading.Event()
        self._answered: set[str] = set()
        collections = {name: partial(probe.failure, self.address, name) for name in COLLECTIONS.values()}
        page = {"my page": partial(probe.page_failure, self.address)} if self.my_page else {}
        self._probes: Mapping[str, Callable[[], str | None]] = {**collections, **page}
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._first_round_done.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join(END_SECONDS)
        if self._thread.is_alive():
            self.broken = f"a call was still running {END_SECONDS} s after the end"

    def wait_until_all_answered(self, seconds: float) -> None:
        """Returns once each service has answered, the watch has failed, or `seconds` have passed."""
        self._all_answered.wait(seconds)

    def gaps(self) -> list[str]:
        """Why `failures` may be incomplete."""
        never = [f"{name} gave no good response: not watched" for name in self._probes if name not in self._answered]
        return never + ([f"the watch failed: {self.broken}"] if self.broken else [])

    def _run(self) -> None:
        try:
            self._call_each()
            self._first_round_done.set()
            while not self._stopping.wait(self.pause):
                self._call_each()
        except Exception as error:  # the edge of the thread: if it died silently, it would report no failures
            self.broken = repr(error)
        finally:
            self._first_round_done.set()
            self._all_answered.set()

    def _call_each(self) -> None:
        for name, failure in self._probes.items():
            if self._stopping.is_set():
                return
            wrong = failure()
            if name in self._answered:
                self.calls += 1
                if wrong:
                    self.failures.append(f"{name}: {wrong}")
            elif not wrong:
                self._answered.add(name)
        if len(self._answered) == len(self._probes):
            self._all_answered.set()
