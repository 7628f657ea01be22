"""Errors of what runs in the background."""

from local_azure.os_errors import explained
from local_azure.supervisor.events import Event, Kind, Report
from local_azure.supervisor.services import StackError


def cause(error: BaseException) -> str:
    """One line for people."""
    if isinstance(error, OSError):
        return explained(error)
    if isinstance(error, StackError):
        return str(error)
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


class Trouble:
    """What stops a background loop from doing its work. Each cause is reported once, until `over`."""

    def __init__(self, report: Report, service: str, consequence: str) -> None:
        """`consequence`: what does not happen meanwhile, as a sentence without a full stop."""
        self._report = report
        self._service = service
        self._consequence = consequence
        self._reported = ""

    def caused_by(self, error: Exception) -> None:
        text = cause(error)
        if text != self._reported:
            self._reported = text
            self._report(Event(Kind.NOTICE, self._service, f"{self._consequence}: {text}"))

    def over(self) -> None:
        """It works again."""
        self._reported = ""
