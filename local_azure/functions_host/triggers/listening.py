"""All listeners of an app: started and stopped together."""

from collections.abc import Sequence
from typing import Any

from local_azure.functions_host.datums import text
from local_azure.functions_host.functions import Function
from local_azure.functions_host.trace_context import continue_trace
from local_azure.functions_host.worker import Call, Worker


class Listeners:
    def __init__(self, functions: Sequence[Function], worker: Worker, extensions: Any, options: Any) -> None:
        self.draining = False

    async def drain(self) -> None:
        self.draining = True

    def resume(self) -> None:
        self.draining = False


def manual_call(function: Function, content: str) -> Call:
    return Call(text(content), {}, continue_trace(None))
