"""The queue of messages that were put aside: docs/decisions/0003-retries-inside-event-functions.md."""

from azure.servicebus import ServiceBusMessage

from shared.adapters.entity_sender import EntitySender
from shared.domain.forgetting import message_lifetime
from shared.domain.identifiers import utc_now
from shared.resources import EVENTS_SET_ASIDE
from shared.settings import Settings
from shared.use_cases.setting_aside import UnhandledMessage


class ServiceBusMessagesSetAside:
    """One sender for each process, opened at first use: few messages are ever put aside.

    The queue detects duplicates, so a message that comes again soon lies there once.
    """

    def __init__(self, settings: Settings) -> None:
        self._queue = EntitySender(settings, lambda client: client.get_queue_sender(EVENTS_SET_ASIDE))

    async def put(self, message: UnhandledMessage) -> None:
        async with self._queue.in_turn(), self._queue.sender() as sender:
            await sender.send_messages(
                ServiceBusMessage(
                    message.body,
                    message_id=message.message_id,
                    content_type=message.content_type,
                    subject=message.subject,
                    correlation_id=message.correlation_id,
                    time_to_live=message_lifetime(message.expires_at, utc_now()),
                    application_properties=dict(message.notes.items()),
                )
            )

    async def close(self) -> None:
        """Closes the sender; the next call of `put` opens another."""
        await self._queue.close()
