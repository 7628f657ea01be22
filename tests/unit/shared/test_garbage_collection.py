"""Each test in a process of its own: what is frozen stays frozen."""

import json
import subprocess
import sys
import textwrap
from typing import Any

from tools.paths import ROOT

NOWHERE = {
    "SSAK8_SERVICES": "customer",
    "SSAK8_WARM_START_SECONDS": "0.1",
    "COSMOS_CONNECTION": "AccountEndpoint=http://127.0.0.1:1/;AccountKey=a;",
    "SERVICE_BUS_CONNECTION": "Endpoint=sb://127.0.0.1:1;",
    "KAKAO_API_URL": "http://127.0.0.1:1",
}


def run(program: str) -> Any:
    """What the program prints, as JSON."""
    command = [sys.executable, "-c", textwrap.dedent(program)]
    finished = subprocess.run(  # noqa: S603 our own program
        command, cwd=ROOT, env=NOWHERE, capture_output=True, text=True, timeout=60, check=True
    )
    return json.loads(finished.stdout.splitlines()[-1])


def test_an_app_that_has_started_spares_its_own_objects_from_collections() -> None:
    frozen, threshold = run(
        """
        import asyncio, gc, json, os

        async def start():
            import function_app
            deadline = asyncio.get_running_loop().time() + 30
            while not gc.get_freeze_count() and asyncio.get_running_loop().time() < deadline:
                await asyncio.sleep(0.01)
            print(json.dumps([gc.get_freeze_count(), gc.get_threshold()[0]]), flush=True)
            os._exit(0)

        asyncio.run(start())
        """
    )

    assert frozen > 50_000
    assert threshold == 10_000


def test_objects_that_refer_to_each_other_are_collected_afterwards() -> None:
    alive = run(
        """
        import gc, json, weakref
        from shared.garbage_collection import spare_long_lived_objects

        class Node:
            pass

        spare_long_lived_objects()
        made = weakref.WeakSet()
        most = 0
        for _ in range(60_000):
            node = Node()
            node.itself = node
            made.add(node)
            most = max(most, len(made))
        print(json.dumps(most))
        """
    )

    assert alive < 30_000
