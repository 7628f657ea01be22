"""Reading events from Service Bus, and patience where something does not answer."""

import logging
from collections.abc import Awaitable, Callable

import azure.functions as func
import stamina
from pydantic import ValidationError

from shared.domain.errors import Unavailable
from shared.domain.events import CustomerEvent
from shared.settings import settings
from shared.telemetry import continued_trace, trace_id

log = logging.getLogger(__name__)


class UnreadableEvent(Exception):
    """The message is no event of ours. It is given back until Service Bus dead-letters it."""


def read_event(message: func.ServiceBusMessage) -> CustomerEvent:
    """The event in the message. Raises UnreadableEvent, which never repeats what the message holds."""
    try:
        return CustomerEvent.model_validate_json(message.get_body())
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, part["loc"])) or "(body)" for part in error.errors())
        raise UnreadableEvent(f"message {message.message_id!r} is not a customer event; wrong: {fields}") from None


async def at_least_once(message: func.ServiceBusMessage, react: Callable[[], Awaitable[None]]) -> None:
    """Reacts, and again with growing pauses while something needed does not answer.

    A failed function gives its message back at once and without a pause, so ten attempts would be gone within a
    second. DELIVERY_RETRY_SECONDS, and one more attempt, stay below the five minutes for which the host renews the
    message's lock.
    """
    properties = message.application_properties or {}
    with continued_trace(properties.get("traceparent")):
        attempts = stamina.retry_context(
            on=Unavailable,
            attempts=None,
            timeout=settings().delivery_retry_seconds,
            wait_initial=0.2,
            wait_max=15,
        )
        async for attempt in attempts:
            with attempt:
                try:
                    await react()
                except Unavailable as error:
                    log.warning("attempt %d: %s trace %s", attempt.num, error, trace_id())
                    raise
