"""Putting a message aside that cannot be handled, so that it neither holds up nor fails the others of its batch."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class UnhandledMessage:
    """A message as it came: the body is unchanged and may hold personal data.

    `message_id`: under which it is put aside, the same for every delivery of it. The next three are None where they are
    not known. `notes` go along as application properties, say why it was not handled, and hold nothing personal.
    """

    body: bytes
    message_id: str
    content_type: str | None
    subject: str | None
    correlation_id: str | None
    notes: Mapping[str, str | int]


class MessagesSetAside(Protocol):
    async def put(self, message: UnhandledMessage) -> None:
        """Returns once the message is stored. Raises PublisherUnavailable."""
