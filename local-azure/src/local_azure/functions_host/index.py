"""Indexes an app with Microsoft's `azure-functions-runtime`, as Azure does.

`python -m local_azure.functions_host.index FOLDER` prints the names of the app's functions, and whether it exports
telemetry to Application Insights, without starting a server. Of the host's requirements it needs only the worker
library, pydantic and the OpenTelemetry API.
"""

import argparse
import asyncio
import json
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import azure_functions_runtime
from azure_functions_runtime.otel import otel_manager

from local_azure.functions_host import logs, protos
from local_azure.functions_host.errors import StartError
from local_azure.functions_host.functions import Function, RetryPolicy
from local_azure.functions_host.stack_trace import last_frame

logger = logging.getLogger(__name__)

SCRIPT_FILE = "function_app.py"
SUPPORTED_BINDINGS = ("httpTrigger", "http", "serviceBusTrigger", "cosmosDBTrigger", "timerTrigger", "warmupTrigger")
WRONG_APP = 2  # exit code

type Expand = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]


async def index_app(folder: Path, expand: Expand) -> list[Function]:
    """The functions of the app in `folder`, sorted by name. `expand(function name, binding)` fills in `%NAME%`.

    The library keeps the app in module-level variables: one app per process. Raises StartError.
    """
    script = folder / SCRIPT_FILE
    if not script.is_file():
        raise StartError(f"{script}: there is no such file; name the app's folder with --app")
    sys.path.insert(0, str(folder))
    azure_functions_runtime.start_threadpool_executor()
    request = SimpleNamespace(
        request=SimpleNamespace(
            worker_init_request=SimpleNamespace(capabilities={}, function_app_directory=str(folder))
        ),
        properties={"host": "127.0.0.1", "protos": protos},
    )
    response = await azure_functions_runtime.worker_init_request(request)
    if response.result.status != protos.StatusResult.Success:
        error = response.result.exception
        logger.debug("indexing failed\n%s", error.stack_trace)
        raise StartError(f"{script}: {error.message.partition('\n')[0]}{last_frame(error.stack_trace)}")
    indexed = (await azure_functions_runtime.functions_metadata_request(request)).function_metadata_results or []
    functions = [_function(metadata, expand) for metadata in indexed]
    return sorted(functions, key=lambda function: function.name.lower())


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


def main(arguments: list[str] | None = None) -> int:
    """Prints `{"functions": […], "telemetry": …}`. Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m local_azure.functions_host.index", description="List the functions of an app as JSON."
    )
    parser.add_argument("app", type=Path, metavar="FOLDER", help="folder of function_app.py")
    folder = parser.parse_args(arguments).app.resolve()
    logs.configure({}, verbose=False)
    try:
        functions = asyncio.run(index_app(folder, lambda _function, binding: binding))
    except StartError as error:
        sys.stderr.write(f"{error}\n")
        return WRONG_APP
    names = [function.name for function in functions]
    sys.stdout.write(json.dumps({"functions": names, "telemetry": otel_manager.get_azure_monitor_available()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
