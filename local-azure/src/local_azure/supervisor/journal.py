"""The supervisor's own log file."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from local_azure.supervisor.events import Event, Report
from local_azure.supervisor.state_folder import StateFolder

NAME = "supervisor"


@contextmanager
def journal(state: StateFolder) -> Iterator[Report]:
    """Appends events to `supervisor.log`, one line each."""
    # Unbuffered and in append mode, so that the file can be truncated when it is too large.
    with state.log_file(NAME).open("ab", buffering=0) as log:

        def record(event: Event) -> None:
            now = datetime.now(UTC).isoformat(timespec="milliseconds")
            log.write(f"{now} {event}\n".encode())

        yield record
