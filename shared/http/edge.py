"""The outermost edge of an HTTP function: the trace goes on here, and every error becomes a problem."""

import functools
import logging
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path

import azure.functions as func

from shared.domain.errors import DomainError, Unavailable
from shared.http.problems import Problem, internal_error, problem_of, render_problem
from shared.http.requests import path_of
from shared.telemetry import continued_trace, span, trace_id

log = logging.getLogger(__name__)

ROOT = str(Path(__file__).parents[1])

type HttpFunction = Callable[[func.HttpRequest, func.Context], Awaitable[func.HttpResponse]]


def http_function(handler: HttpFunction) -> HttpFunction:
    """Wraps a handler so that it always answers."""

    @functools.wraps(handler)
    async def edge(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
        with continued_trace(context.trace_context.trace_parent), span(str(context.function_name)):
            try:
                return await handler(request, context)
            except Problem as problem:
                return render_problem(problem, path_of(request))
            except Unavailable as error:
                log.warning("%s: %s trace %s", context.function_name, error, trace_id())
                return render_problem(problem_of(error), path_of(request))
            except DomainError as error:
                return render_problem(problem_of(error), path_of(request))
            except Exception as error:
                # The type and the place are enough to find it; the message may hold what the client sent.
                log.error(  # noqa: TRY400
                    "%s: %s %s at %s trace %s",
                    context.function_name,
                    type(error).__name__,
                    getattr(error, "status_code", ""),
                    _place(error),
                    trace_id(),
                )
                return render_problem(internal_error(), path_of(request))

    return edge


def _place(error: BaseException) -> str:
    """Where it was raised: the last lines of our own code and of all."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename.startswith(ROOT)]
    ends = dict.fromkeys(f"{frame.filename}:{frame.lineno}" for part in (own, frames) for frame in part[-1:])
    return " > ".join(ends)
