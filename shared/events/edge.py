"""The outermost edge of an event function: input is parsed, the trace continues, and failures lose their text.

Its sibling for HTTP is shared/http/edge.py. A function that fails here gets its event again: Service Bus delivers the
message once more, and the change feed does not move on.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager

import azure.functions as func
from pydantic import ValidationError

from shared.domain.errors import DomainError
from shared.domain.events import CustomerEvent
from shared.domain.outbox import OutboxEvent
from shared.failures import UnexpectedFailure
from shared.telemetry import continued_trace, span
from shared.use_cases.publishing import read_outbox

type EventHandler = Callable[[CustomerEvent], Awaitable[None]]
type EventFunction = Callable[[func.ServiceBusMessage], Awaitable[None]]
type OutboxHandler = Callable[[Sequence[OutboxEvent]], Awaitable[None]]
type OutboxFunction = Callable[[func.DocumentList], Awaitable[None]]
type TimerHandler = Callable[[], Awaitable[None]]
type TimerFunction = Callable[[func.TimerRequest], Awaitable[None]]


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


def timer_function(handler: TimerHandler) -> TimerFunction:
    """Makes a function with a timer trigger of a handler. If it fails, the next run is the next attempt."""

    async def edge(timer: func.TimerRequest) -> None:
        with _unexpected_failures_hidden():
            await handler()

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


@contextmanager
def _unexpected_failures_hidden() -> Iterator[None]:
    """Re-raises our own errors and hides the text of any other, because the host logs the text of what it gets."""
    try:
        yield
    except DomainError:
        raise
    except Exception as error:
        raise UnexpectedFailure(error) from None
