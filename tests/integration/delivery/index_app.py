"""Indexes the app in a folder as the functions host does; prints its functions, and whether it exports telemetry."""

import asyncio
import json
import sys
from pathlib import Path

from azure_functions_runtime.otel import otel_manager

from local_azure.functions_host.worker import Worker


async def main(app: Path) -> None:
    functions = await Worker(app, timeout=None).load(lambda _, binding: binding)
    names = [function.name for function in functions]
    sys.stdout.write(json.dumps({"functions": names, "telemetry": otel_manager.get_azure_monitor_available()}))


asyncio.run(main(Path(sys.argv[1])))
