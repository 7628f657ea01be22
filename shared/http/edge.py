"""The outermost edge of an HTTP function: the trace continues, and every error becomes a problem document.

Its sibling for events is shared/events/edge.py.
"""

import functools
import logging
from collections.abc import Awaitable, Callable

import azure.functions as func

from shared.domain.errors import DomainError, Unavailable
from shared.failures import describe_failure
from shared.http.problems import Problem, internal_error, problem_of, render_problem
from shared.http.requests import path_of
from shared.telemetry import continued_trace, mark_failed, span, trace_id

log = logging.getLogger(__name__)

type HttpFunction = Callable[[func.HttpRequest, func.Context], Awaitable[func.HttpResponse]]


def http_function(handler: HttpFunction) -> HttpFunction:
    """Makes a function with an HTTP trigger of a handler: one that always answers."""

    @functools.wraps(handler)
    async def edge(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
        name = str(context.function_name)
        with continued_trace(context.trace_context.trace_parent), span(name) as current:
            try:
                return await handler(request, context)
            except Problem as problem:
                return render_problem(problem, path_of(request))
            except Unavailable as error:
                mark_failed(current, error)
                log.warning("%s: %s trace %s", name, error, trace_id())
                return render_problem(problem_of(error), path_of(request))
            except DomainError as error:
                return render_problem(problem_of(error), path_of(request))
            except Exception as error:
                mark_failed(current, error)
                log.error("%s: %s trace %s", name, describe_failure(error), trace_id())  # noqa: TRY400
                return render_problem(internal_error(), path_of(request))

    return edge
