"""Timer triggers."""

import json
from datetime import UTC, datetime, timedelta

from tests.integration.functions_host.hosts import Sample, until


async def test_runs_follow_the_schedule_and_never_overlap(sample: Sample) -> None:
    sample.only("tick")
    sample.settings["TICK"] = "* * * * * *"
    async with sample.running():
        await until(lambda: len(sample.records_of("tick")) == 2)

    order = [record["function"] for record in sample.records]
    assert order[:3] == ["tick", "tick-ended", "tick"]
    assert not any(record["past_due"] for record in sample.records_of("tick"))
    assert not (sample.folder / "state" / "timers-sample.json").exists()


async def test_missed_runs_are_made_up_for_once(sample: Sample) -> None:
    sample.only("tick")
    yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    state = sample.folder / "state" / "timers-sample.json"
    state.parent.mkdir()
    state.write_text(json.dumps({"tick": {"last": yesterday, "next": yesterday, "updated": yesterday}}))

    async with sample.running() as host:
        await until(lambda: sample.records_of("tick"))
        assert await host.stop() == 0

    assert [record["past_due"] for record in sample.records_of("tick")] == [True]
    kept = json.loads(state.read_text())["tick"]
    assert datetime.fromisoformat(kept["next"]) > datetime.now(UTC)
    async with sample.running() as host:
        assert await host.stop() == 0
    assert len(sample.records_of("tick")) == 1
