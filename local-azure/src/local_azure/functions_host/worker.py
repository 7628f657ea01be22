"""Runs an app with Microsoft's `azure-functions-runtime`, the worker library Azure itself loads for Python 3.13.

The library keeps the indexed app in module-level variables: one app per process.
"""

import asyncio
import json
import logging
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import azure_functions_runtime
from azure_functions_runtime.native_invocation import invocation_request_native

from local_azure.functions_host import protos
from local_azure.functions_host.datums import Datum
from local_azure.functions_host.errors import StartError
from local_azure.functions_host.functions import Function, RetryPolicy
from local_azure.functions_host.invocation_span import begin_invocation_span, end_invocation_span
from local_azure.functions_host.trace_context import TraceContext
from local_azure.telemetry.spans import traceparent_of

logger = logging.getLogger(__name__)

SCRIPT_FILE = "function_app.py"
SUPPORTED_BINDINGS = ("httpTrigger", "http", "serviceBusTrigger", "cosmosDBTrigger", "timerTrigger")

Expand = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Retry:
    """Which retry an invocation is, from 0, and how many its function allows."""

    count: int = 0
    maximum: int = 0


NO_RETRY = Retry()


@dataclass(frozen=True, slots=True)
class Call:
    """One invocation to come: the trigger's value, what the trigger tells beside it, and where it belongs."""

    value: Datum | None
    metadata: Mapping[str, Datum]
    trace: TraceContext
    retry: Retry = NO_RETRY


@dataclass(frozen=True, slots=True)
class Result:
    """How an invocation ended. `outputs` are the values of output bindings by name, `$return` among them."""

    succeeded: bool
    outputs: Mapping[str, Datum]


FAILED = Result(succeeded=False, outputs={})


class Worker:
    """The app in `folder`. `timeout` bounds an invocation, in seconds; None: unbounded."""

    def __init__(self, folder: Path, timeout: float | None) -> None:
        self._folder = folder
        self._timeout = timeout
        self.outstanding = 0
        self._became_idle = asyncio.Event()

    async def load(self, expand: Expand) -> list[Function]:
        """Indexes the app: functions in the order of their names. `expand(function name, binding)` fills in `%NAME%`.

        Raises StartError.
        """
        if not (self._folder / SCRIPT_FILE).is_file():
            raise StartError(f"{self._folder / SCRIPT_FILE}: there is no such file; name the app's folder with --app")
        sys.path.insert(0, str(self._folder))
        azure_functions_runtime.start_threadpool_executor()
        request = SimpleNamespace(
            request=SimpleNamespace(
                worker_init_request=SimpleNamespace(capabilities={}, function_app_directory=str(self._folder))
            ),
            properties={"host": "127.0.0.1", "protos": protos},
        )
        response = await azure_functions_runtime.worker_init_request(request)
        if response.result.status != protos.StatusResult.Success:
            error = response.result.exception
            logger.debug("indexing failed\n%s", error.stack_trace)
            raise StartError(f"{self._folder / SCRIPT_FILE}: {_first_line(error.message)}{_place(error.stack_trace)}")
        indexed = (await azure_functions_runtime.functions_metadata_request(request)).function_metadata_results or []
        functions = [_function(metadata, expand) for metadata in indexed]
        return sorted(functions, key=lambda function: function.name.lower())

    async def invoke(self, function: Function, call: Call) -> Result:
        """Runs `function` once: async functions on this loop, the others in the library's thread pool. Never raises."""
        span, result = begin_invocation_span(function, call.value, call.trace), FAILED
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
        """Returns once no invocation runs."""
        while self.outstanding:
            self._became_idle.clear()
            await self._became_idle.wait()


def _function(metadata: Any, expand: Expand) -> Function:
    bindings = [json.loads(binding) for binding in metadata.raw_bindings]
    _refuse_unsupported(metadata.name, bindings)
    return Function(
        name=metadata.name,
        function_id=metadata.function_id,
        bindings=tuple(expand(metadata.name, binding) for binding in bindings),
        retry=RetryPolicy.from_options(metadata.retry_options),
    )


def _refuse_unsupported(name: str, bindings: Sequence[Mapping[str, Any]]) -> None:
    for binding in bindings:
        if binding["type"] not in SUPPORTED_BINDINGS:
            supported = ", ".join(SUPPORTED_BINDINGS)
            raise StartError(
                f"function {name}: binding {binding['name']!r} is of type {binding['type']}, which the local host "
                f"does not support (supported: {supported})"
            )


def _log_failure(function: Function, invocation_id: str, elapsed: float, stack_trace: str) -> None:
    """One line. The exception's text is left out, as it may carry what a caller sent; the stack trace is at debug."""
    lines = stack_trace.strip().splitlines()
    kind = lines[-1].partition(":")[0] if stack_trace.startswith("Traceback") else stack_trace
    logger.error(
        "function=%s invocation=%s failed after %.0f ms: %s%s",
        function.name,
        invocation_id,
        elapsed * 1000,
        kind,
        _place(stack_trace),
    )
    logger.debug("invocation=%s\n%s", invocation_id, stack_trace)


def _place(stack_trace: str) -> str:
    """Where the last frame of a stack trace lies: ` (file:line)`."""
    frames = [line.strip() for line in stack_trace.splitlines() if line.strip().startswith('File "')]
    if not frames:
        return ""
    file, line = frames[-1].removeprefix('File "').split('", line ')
    return f" ({file}:{line.partition(',')[0]})"


def _first_line(message: str) -> str:
    return message.partition("\n")[0]
