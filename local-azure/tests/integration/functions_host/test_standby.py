"""A host that stands by: it serves, but its listeners start only when it takes over."""

import asyncio
import json
import signal
from datetime import UTC, datetime, timedelta

import aiohttp

from tests.integration.functions_host.hosts import Sample, until


async def test_listeners_start_at_the_signal_from_the_state_of_then(sample: Sample) -> None:
    sample.only("tick", "hello")
    async with sample.running("--standby") as host, aiohttp.ClientSession(host.url) as client:
        # As the predecessor writes it while this host stands by: a run is due.
        due = (datetime.now(UTC) - timedelta(days=1)).isoformat()
        state = sample.folder / "state" / "timers-sample.json"
        state.parent.mkdir(exist_ok=True)
        state.write_text(json.dumps({"tick": {"last": due, "next": due, "updated": due}}))
        async with client.get("/api/hello") as response:
            assert response.status == 200
        await asyncio.sleep(0.5)
        assert sample.records == []

        host.process.send_signal(signal.SIGUSR1)

        await until(lambda: sample.records_of("tick"))
        assert sample.records_of("tick") == [{"function": "tick", "past_due": True}]


async def test_a_host_that_ends_while_it_stands_by_starts_no_listeners(sample: Sample) -> None:
    sample.only("tick")
    sample.settings["TICK"] = "* * * * * *"
    async with sample.running("--standby") as host:
        host.process.send_signal(signal.SIGTERM)
        host.process.send_signal(signal.SIGUSR1)
        assert await host.process.wait() == 0

    assert sample.records == []
