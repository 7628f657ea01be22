"""The outermost edge of an event function: input is parsed, the trace continues, and failures lose their text.

Its sibling for HTTP is shared/http/edge.py. A function that fails here gets its event again: Service Bus delivers the
message once more, and the change feed does not move on.
"""

import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager

import azure.functions as func
from pydantic import ValidationError

from shared.domain.errors import DomainError
from shared.domain.events import CustomerEvent
from shared.domain.outbox import OutboxEvent, UnreadableOutboxDocument
from shared.failures import UnexpectedFailure
from shared.telemetry import continued_trace, span

log = logging.getLogger(__name__)

type EventHandler = Callable[[CustomerEvent], Awaitable[None]]
type EventFunction = Callable[[func.ServiceBusMessage], Awaitable[None]]
type OutboxHandler = Callable[[Sequence[OutboxEvent]], Awaitable[None]]
type OutboxFunction = Callable[[func.DocumentList], Awaitable[None]]


class UnreadableEvent(Exception):
    """The message is not a customer event. It is delivered again until Service Bus dead-letters it."""


def event_function(handler: EventHandler) -> EventFunction:
    """Makes a function with a Service Bus trigger of a handler for events."""

    # Not functools.wraps: the worker reads the parameters of what it calls, and these are not the handler's.
    async def edge(message: func.ServiceBusMessage) -> None:
        event = read_event(message)
        properties = message.application_properties or {}
        with (
            _unexpected_failures_hidden(),
            continued_trace(properties.get("traceparent")),
            span(f"process {event.type}", messaging_message_id=event.id),
        ):
            await handler(event)

    edge.__name__ = handler.__name__
    edge.__doc__ = handler.__doc__
    return edge


def outbox_function(handler: OutboxHandler) -> OutboxFunction:
    """Makes a function with a change feed trigger of a handler for outbox events."""

    async def edge(documents: func.DocumentList) -> None:
        with _unexpected_failures_hidden():
            await handler(read_outbox(documents))

    edge.__name__ = handler.__name__
    edge.__doc__ = handler.__doc__
    return edge


def read_event(message: func.ServiceBusMessage) -> CustomerEvent:
    """The event in the message. Raises UnreadableEvent, which never repeats what the message holds."""
    try:
        return CustomerEvent.model_validate_json(message.get_body())
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, part["loc"])) or "(body)" for part in error.errors())
        raise UnreadableEvent(f"message {message.message_id!r} is not a customer event; wrong: {fields}") from None


def read_outbox(documents: func.DocumentList) -> list[OutboxEvent]:
    """The outbox events among changed documents, in their order.

    An unreadable one is logged and left out, because it would hold up all later events for ever. It stays in the
    container; once it is corrected there, it comes with the feed again.
    """
    events = []
    for document in documents:
        try:
            if event := OutboxEvent.read(document):
                events.append(event)
        except UnreadableOutboxDocument as unreadable:
            log.error("%s", unreadable)  # noqa: TRY400  # a stack trace adds nothing
    return events


@contextmanager
def _unexpected_failures_hidden() -> Iterator[None]:
    """Re-raises our own errors and hides the text of any other, because the host logs the text of what it gets."""
    try:
        yield
    except DomainError:
        raise
    except Exception as error:
        raise UnexpectedFailure(error) from None
