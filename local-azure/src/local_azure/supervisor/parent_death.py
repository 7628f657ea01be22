"""Makes child processes end with the process that started them."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

PR_SET_PDEATHSIG = 1


def terminate_with_parent(parent: int) -> Callable[[], None] | None:
    """Returns what a child must call before its program starts, to get SIGTERM when `parent` dies.

    None if the system cannot do it (macOS): there the next `up` or `down` ends the orphans.
    """
    if sys.platform != "linux":
        return None
    # Loaded before the fork: between fork and exec, a child of a process with threads must do as little as possible.
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def arm() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGTERM)

    return arm
