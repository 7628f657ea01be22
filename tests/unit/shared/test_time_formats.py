"""Reading the times of messages, as the Functions library does."""

from tests.unit.shared.processes import run

# Prints how many patterns are built for a time of a message, where others have been read before.
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

def patterns_built():
    read()
    cache = _strptime._TimeRE_cache
    with patch.object(cache, "compile", wraps=cache.compile) as compile_format:
        assert read().microsecond == 123_000
    return compile_format.call_count
"""
IN_AN_APP = """
import asyncio, os

async def start():
    import function_app
    print(patterns_built(), flush=True)
    os._exit(0)

asyncio.run(start())
"""


def test_an_app_reads_the_times_of_messages_without_building_patterns_again() -> None:
    elsewhere = run(f"{READ_TIMES}print(patterns_built())")

    assert elsewhere > 0
    assert run(READ_TIMES + IN_AN_APP) == 0
