"""Programs in processes of their own, for what a process keeps until it ends."""

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
"""The settings of an app that reaches nothing."""


def run(program: str) -> Any:
    """The last line that the program prints, as JSON."""
    command = [sys.executable, "-c", textwrap.dedent(program)]
    finished = subprocess.run(  # noqa: S603 our own program
        command, cwd=ROOT, env=NOWHERE, capture_output=True, text=True, timeout=60, check=True
    )
    return json.loads(finished.stdout.splitlines()[-1])
