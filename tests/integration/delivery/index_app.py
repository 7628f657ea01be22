"""Indexes the app in a folder as the functions host does, and prints their names."""

import asyncio
import json
import sys
from pathlib import Path

from local_azure.functions_host.worker import Worker


async def main(app: Path) -> None:
    functions = await Worker(app, timeout=None).load(lambda _, binding: binding)
    sys.stdout.write(json.dumps([function.name for function in functions]))


asyncio.run(main(Path(sys.argv[1])))
