"""Putting a message aside that cannot be handled, so that it neither holds up nor fails the others of its batch."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

EXPIRES_AT: Final = "expiresAt"
"""The note that says when the message expires, also once it is a dead letter."""


@dataclass(frozen=True)
class UnhandledMessage:
    """A message as it came: the body is unchanged and may hold personal data, so it expires as the message would have.

    `message_id`: under which it is put aside, the same for every delivery of it. The next three are None where they are
    not known. `notes` go along as application properties, say why it was not handled, and hold nothing personal.
    """

    body: bytes
    message_id: str
    content_type: str | None
    subject: str | None
    correlation_id: str | None
    notes: Mapping[str, str | int]
    expires_at: datetime


class MessagesSetAside(Protocol):
    async def put(self, message: UnhandledMessage) -> None:
        """Returns once the message is stored. Raises PublisherUnavailable."""
