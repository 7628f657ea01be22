"""A limit to repeating: what is sent again may add only so much to the load of a callee that is in trouble."""

from typing import Final

# What is sent again adds at most a tenth to the calls, except for a burst.
REPEATS_A_CALL: Final = 0.1


class RetryBudget:
    """Each call that succeeds earns a tenth of a repeat; at most `burst` are saved up, with which it begins."""

    def __init__(self, burst: int) -> None:
        self._burst = float(burst)
        self._saved = float(burst)

    def earn(self) -> None:
        self._saved = min(self._burst, self._saved + REPEATS_A_CALL)

    def spend(self) -> bool:
        """Whether a call may be repeated."""
        if self._saved < 1:
            return False
        self._saved -= 1
        return True
