"""The outermost edge of an HTTP function: the trace continues, and every error becomes a problem document.

Its sibling for events is shared/events/edge.py.
"""

import functools
import logging
import re
import secrets
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

import azure.functions as func

from shared.counted_log import CountedLog
from shared.domain.errors import DomainError, Unavailable
from shared.failures import describe_failure
from shared.http.preferences import prefers_async
from shared.http.problems import Problem, internal_error, problem_of, render_problem
from shared.http.requests import may_be_repeated, path_of
from shared.telemetry import continued_trace, mark_failed, span, trace_id
from shared.use_cases.admitting import AdmitRegistration
from shared.use_cases.deadline import Deadline

log = logging.getLogger(__name__)
refusals: Final = CountedLog(log)

type HttpFunction = Callable[[func.HttpRequest, func.Context], Awaitable[func.HttpResponse]]
type WhoCalls[Who] = Callable[[func.HttpRequest], Awaitable[Who]]
type AsyncHandler[Who] = Callable[[func.HttpRequest, Who], Awaitable[func.HttpResponse]]
type AdmittedHandler[Who] = Callable[[func.HttpRequest, Who, Deadline], Awaitable[func.HttpResponse]]

# Nobody was registered: it is over for now, or was postponed.
IN_VAIN: Final = (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.ACCEPTED)

# W3C Trace Context, version 00.
_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII)


def http_function(handler: HttpFunction) -> HttpFunction:
    """Makes a function with an HTTP trigger of a handler: one that always answers."""

    @functools.wraps(handler)
    async def edge(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
        return await _answer(request, context, lambda: handler(request, context))

    return edge


def admitted_http_function[Who](
    who_calls: WhoCalls[Who], admit: Callable[[], AdmitRegistration], if_async: AsyncHandler[Who]
) -> Callable[[AdmittedHandler[Who]], HttpFunction]:
    """Makes a function with an HTTP trigger of a handler for admitted requests, which gets their caller and deadline.

    A refusal comes before anything that costs: the body, spans, a line in the log. Whoever may not call takes no place
    from those who may, and nothing is learnt from them about how long serving takes. `if_async` answers in its place
    whoever prefers that (RFC 7240, respond-async).
    """

    def decorate(handler: AdmittedHandler[Who]) -> HttpFunction:
        # Not functools.wraps: the worker reads the parameters of what it calls, and these are not the handler's.
        async def edge(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
            try:
                caller = await who_calls(request)
            except DomainError as error:
                return _refuse(request, context, error)
            admission, is_async = admit(), prefers_async(request)
            try:
                slot = await admission(repeated=may_be_repeated(request), may_be_postponed=is_async)
            except Unavailable as error:
                if is_async:
                    return await _answer(request, context, lambda: if_async(request, caller))
                return _refuse(request, context, error)
            try:
                response = await _answer(request, context, lambda: handler(request, caller, slot.deadline))
                slot.served = response.status_code not in IN_VAIN
                return response
            finally:
                admission.leave(slot)

        edge.__name__ = handler.__name__
        edge.__doc__ = handler.__doc__
        return edge

    return decorate


def _refuse(request: func.HttpRequest, context: func.Context, error: DomainError) -> func.HttpResponse:
    """The response to a request for which nothing was done."""
    trace = _trace_id_of(context.trace_context.trace_parent)
    if isinstance(error, Unavailable):
        refusals.warning(f"{context.function_name}: {error}", trace)
    return render_problem(problem_of(error), path_of(request), trace)


async def _answer(
    request: func.HttpRequest, context: func.Context, handle: Callable[[], Awaitable[func.HttpResponse]]
) -> func.HttpResponse:
    name = str(context.function_name)
    with continued_trace(context.trace_context.trace_parent), span(name) as current:
        try:
            return await handle()
        except Problem as problem:
            return render_problem(problem, path_of(request))
        except Unavailable as error:
            mark_failed(current, error)
            refusals.warning(f"{name}: {error}", trace_id())
            return render_problem(problem_of(error), path_of(request))
        except DomainError as error:
            return render_problem(problem_of(error), path_of(request))
        except Exception as error:
            mark_failed(current, error)
            log.error("%s: %s trace %s", name, describe_failure(error), trace_id())  # noqa: TRY400
            return render_problem(internal_error(), path_of(request))


def _trace_id_of(traceparent: str | None) -> str:
    """The id of the caller's trace, without opening a span; a new one if there is none."""
    found = _TRACEPARENT.fullmatch(traceparent or "")
    return found[1] if found else secrets.token_hex(16)
