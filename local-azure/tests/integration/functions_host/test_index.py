"""The command that lists the functions of an app."""

import asyncio
import json
import os
import sys
from pathlib import Path

from tests.integration.functions_host.hosts import DEADLINE, FUNCTIONS, SAMPLE_APP, Sample


async def index(sample: Sample, app: Path) -> tuple[int | None, str, str]:
    """Exit code, stdout and stderr of the command."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "local_azure.functions_host.index", str(app)),
        env=os.environ | sample.settings,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(DEADLINE):
        output, errors = await process.communicate()
    return process.returncode, output.decode(), errors.decode()


async def test_the_functions_of_an_app_are_listed_by_name(sample: Sample) -> None:
    exit_code, output, _ = await index(sample, SAMPLE_APP)

    assert exit_code == 0
    assert json.loads(output) == {"functions": sorted(FUNCTIONS), "telemetry": False}


async def test_an_app_that_cannot_be_indexed_is_an_error_of_one_line(sample: Sample, tmp_path: Path) -> None:
    (tmp_path / "function_app.py").write_text("import absent\n")

    exit_code, output, errors = await index(sample, tmp_path)

    assert (exit_code, output) == (2, "")
    assert errors.startswith(f"{tmp_path / 'function_app.py'}: ModuleNotFoundError: No module named 'absent'")
    assert errors.count("\n") == 1
