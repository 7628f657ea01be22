"""Each test in a process of its own: what an app keeps, it keeps until it ends."""

import json
import subprocess
import sys
import textwrap

from tools.paths import ROOT

READ_TIMES = """
import json, _strptime
from unittest.mock import patch
from azure.functions.meta import Datum
from azure.functions.servicebus import ServiceBusMessageInConverter

def read():
    times = json.dumps(["2026-11-27T02:40:46.123"])
    metadata = {
        "UserPropertiesArray": Datum("[{}]", "json"),
        "EnqueuedTimeUtcArray": Datum(times, "json"),
    }
    (message,) = ServiceBusMessageInConverter.decode(Datum('["body"]', "json"), trigger_metadata=metadata)
    return message.enqueued_time_utc

read()
with patch.object(_strptime._TimeRE_cache, "compile", wraps=_strptime._TimeRE_cache.compile) as compile_format:
    assert read().microsecond == 123_000
print(compile_format.call_count)
"""


def run(program: str) -> int:
    """What the program prints."""
    command = [sys.executable, "-c", textwrap.dedent(program)]
    finished = subprocess.run(  # noqa: S603 our own program
        command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    return int(json.loads(finished.stdout))


def test_the_times_of_messages_are_read_without_building_patterns_again() -> None:
    kept = run("from shared.time_formats import keep_time_formats\nkeep_time_formats()\n" + READ_TIMES)

    assert (run(READ_TIMES) > 0, kept) == (True, 0)
