"""The outermost edge of an event function: input is parsed, the trace continues, and failures lose their text.

Its sibling for HTTP is shared/http/edge.py. A function that fails here gets its input again: Service Bus delivers the
message or the whole batch once more, and the change feed does not move on.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import List  # noqa: UP035

import azure.functions as func

from shared.domain.errors import DomainError
from shared.domain.events import CustomerEvent
from shared.events.reading import read_event, traceparent_of
from shared.failures import UnexpectedFailure
from shared.telemetry import event_span
from shared.use_cases.publishing import Outbox, read_outbox

type EventHandler = Callable[[CustomerEvent], Awaitable[None]]
type EventFunction = Callable[[func.ServiceBusMessage], Awaitable[None]]
type BatchHandler = Callable[[Sequence[func.ServiceBusMessage]], Awaitable[None]]
type BatchFunction = Callable[[list[func.ServiceBusMessage]], Awaitable[None]]
type OutboxHandler = Callable[[Outbox], Awaitable[None]]
type OutboxFunction = Callable[[func.DocumentList], Awaitable[None]]
type TimerHandler = Callable[[], Awaitable[None]]
type TimerFunction = Callable[[func.TimerRequest], Awaitable[None]]


def event_function(handler: EventHandler) -> EventFunction:
    """Makes a function with a Service Bus trigger of a handler for events."""

    # Not functools.wraps: the worker reads the parameters of what it calls, and these are not the handler's.
    async def edge(message: func.ServiceBusMessage) -> None:
        event = read_event(message)
        with (
            _unexpected_failures_hidden(),
            event_span(f"process {event.type}", traceparent_of(message), messaging_message_id=event.id),
        ):
            await handler(event)

    edge.__name__ = handler.__name__
    edge.__doc__ = handler.__doc__
    return edge


def batch_function(handler: BatchHandler) -> BatchFunction:
    """Makes a function with a Service Bus trigger of cardinality *many* of a handler for its messages."""

    # Not list[…]: the worker refuses to load a function with that annotation.
    async def edge(messages: List[func.ServiceBusMessage]) -> None:  # noqa: UP006
        with _unexpected_failures_hidden():
            await handler(messages)

    edge.__name__ = handler.__name__
    edge.__doc__ = handler.__doc__
    return edge


def outbox_function(handler: OutboxHandler) -> OutboxFunction:
    """Makes a function with a change feed trigger of a handler for what it finds of the outbox."""

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


@contextmanager
def _unexpected_failures_hidden() -> Iterator[None]:
    """Re-raises our own errors and hides the text of any other, because the host logs the text of what it gets."""
    try:
        yield
    except DomainError:
        raise
    except Exception as error:
        raise UnexpectedFailure(error) from None
