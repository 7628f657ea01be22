"""Reading events from Service Bus, and patience where something does not answer."""

import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import azure.functions as func
import stamina
from opentelemetry.metrics import Histogram
from pydantic import ValidationError

from shared.domain.errors import DomainError, Unavailable
from shared.domain.events import CustomerEvent
from shared.failures import UnexpectedFailure
from shared.metrics import record_age
from shared.settings import settings
from shared.telemetry import continued_trace, span, trace_id

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


@contextmanager
def unforeseen_failures_described() -> Iterator[None]:
    """Lets pass what tells nothing personal, and raises UnexpectedFailure for everything else."""
    try:
        yield
    except (DomainError, UnreadableEvent):
        raise
    except Exception as error:
        raise UnexpectedFailure(error) from None


async def react_to_event(
    message: func.ServiceBusMessage, react: Callable[[CustomerEvent], Awaitable[None]], age: Histogram
) -> None:
    """Reacts, and again with growing pauses while something needed does not answer; records how old the event was.

    A failed function gives its message back at once and without a pause, so ten attempts would be gone within a
    second. DELIVERY_RETRY_SECONDS, and one more attempt, stay below the five minutes for which the host renews the
    message's lock. What nobody foresaw is raised as UnexpectedFailure, because the host tells the exception's text.
    """
    event = read_event(message)
    properties = message.application_properties or {}
    with (
        unforeseen_failures_described(),
        continued_trace(properties.get("traceparent")),
        span(f"process {event.type}", messaging_message_id=event.id),
    ):
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
                    await react(event)
                except Unavailable as error:
                    log.warning("attempt %d: %s trace %s", attempt.num, error, trace_id())
                    raise
        record_age(age, event.time)
