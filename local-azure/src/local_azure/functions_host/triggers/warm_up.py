"""The warm-up trigger: a function that runs once, before its instance receives anything else.

Azure runs it when an instance joins a running app, not when one restarts. This host cannot tell these apart, and runs
it at every start (https://learn.microsoft.com/azure/azure-functions/functions-bindings-warmup).
"""

from collections.abc import Sequence

from local_azure.functions_host.datums import text
from local_azure.functions_host.errors import StartError
from local_azure.functions_host.functions import Function
from local_azure.functions_host.trace_context import continue_trace
from local_azure.functions_host.worker import Call, Worker

TRIGGER = "warmupTrigger"
NAME = "warmup"


def warm_up_function(functions: Sequence[Function]) -> Function | None:
    """The app's warm-up function. Raises StartError if it has another name than Azure prescribes."""
    found = [function for function in functions if function.trigger_type == TRIGGER]
    for function in found:
        if function.name.lower() != NAME:
            raise StartError(f"function {function.name}: a function with a warm-up trigger must be named {NAME!r}")
    return found[0] if found else None


async def run_warm_up(functions: Sequence[Function], worker: Worker) -> None:
    """Runs the warm-up function, unless it is disabled. A failure is logged, and the app starts all the same."""
    function = warm_up_function(functions)
    if function and not function.disabled:
        await worker.invoke(function, Call(text(""), {}, continue_trace(None)))
