"""Invokes functions with Microsoft's `azure-functions-runtime`, the worker library that Azure uses for Python 3.13."""

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import uuid4

from azure_functions_runtime.native_invocation import invocation_request_native

from local_azure.functions_host.datums import Datum
from local_azure.functions_host.functions import Function
from local_azure.functions_host.invocation_span import begin_invocation_span, end_invocation_span
from local_azure.functions_host.stack_trace import last_frame
from local_azure.functions_host.trace_context import TraceContext
from local_azure.telemetry.spans import traceparent_of

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Retry:
    """`count`: of the retries before this invocation; `maximum`: allowed by the function's policy."""

    count: int = 0
    maximum: int = 0


NO_RETRY = Retry()


@dataclass(frozen=True, slots=True)
class Call:
    """The arguments of an invocation: the trigger's value and metadata, the trace and the retry.

    `causes`: the `traceparent` of each message of a batch that has one; the invocation is linked to them.
    """

    value: Datum | None
    metadata: Mapping[str, Datum]
    trace: TraceContext
    retry: Retry = NO_RETRY
    causes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """The result of an invocation. `outputs`: the values of output bindings by name, including `$return`."""

    succeeded: bool
    outputs: Mapping[str, Datum]


FAILED = Result(succeeded=False, outputs={})


class Worker:
    """Invokes functions of the app that `index_app` indexed. `timeout` of an invocation in seconds; None: unbounded."""

    def __init__(self, timeout: float | None) -> None:
        self._timeout = timeout
        self.outstanding = 0
        self._became_idle = asyncio.Event()

    async def invoke(self, function: Function, call: Call) -> Result:
        """Runs `function` once: on this event loop if it is async, else in the library's thread pool. Never raises."""
        span, result = begin_invocation_span(function, call.value, call.trace, call.causes), FAILED
        try:
            result = await self._invoke(function, call, traceparent_of(span) or call.trace.parent)
            return result
        finally:
            end_invocation_span(span, succeeded=result.succeeded, outputs=result.outputs.values())

    async def _invoke(self, function: Function, call: Call, traceparent: str) -> Result:
        invocation_id = str(uuid4())
        started = time.perf_counter()
        self.outstanding += 1
        try:
            async with asyncio.timeout(self._timeout):
                succeeded, returned, outputs, _, stack_trace = await invocation_request_native(
                    invocation_id,
                    function.function_id,
                    [(function.trigger["name"], call.value)],
                    call.metadata,
                    traceparent,
                    call.trace.state,
                    call.retry.count,
                    call.retry.maximum,
                )
        except TimeoutError:
            succeeded, stack_trace = False, "the function timed out (functionTimeout in host.json)"
        except SystemExit:
            succeeded, stack_trace = False, "the function called sys.exit()"
        finally:
            self.outstanding -= 1
            if not self.outstanding:
                self._became_idle.set()
        if not succeeded:
            _log_failure(function, invocation_id, time.perf_counter() - started, stack_trace)
            return FAILED
        if logger.isEnabledFor(logging.DEBUG):
            elapsed = (time.perf_counter() - started) * 1000
            logger.debug("function=%s invocation=%s succeeded in %.0f ms", function.name, invocation_id, elapsed)
        return Result(succeeded=True, outputs=dict(outputs, **{"$return": returned}) if returned else dict(outputs))

    async def idle(self) -> None:
        """Waits until no invocation runs."""
        while self.outstanding:
            self._became_idle.clear()
            await self._became_idle.wait()


def _log_failure(function: Function, invocation_id: str, elapsed: float, stack_trace: str) -> None:
    """Logs one line, without the exception's text, which may contain a caller's data; at debug also the stack trace."""
    lines = stack_trace.strip().splitlines()
    kind = lines[-1].partition(":")[0] if stack_trace.startswith("Traceback") else stack_trace
    logger.error(
        "function=%s invocation=%s failed after %.0f ms: %s%s",
        function.name,
        invocation_id,
        elapsed * 1000,
        kind,
        last_frame(stack_trace),
    )
    logger.debug("invocation=%s\n%s", invocation_id, stack_trace)
