"""Cosmos DB triggers while the service or the host restarts."""

from tests.integration.functions_host.databases import cosmos
from tests.integration.functions_host.hosts import Host, Sample, until

# Seconds. A lease expires after 60; on a busy machine a host takes some seconds to start.
SOONER_THAN_A_LEASE_EXPIRES = 30


async def test_a_batch_that_never_succeeds_does_not_move_the_lease(sample: Sample) -> None:
    sample.only("on-change")
    sample.fail("on-change always")
    async with cosmos(sample) as documents:
        await documents.create("kept", "a")
        async with sample.running() as host:
            await until(lambda: len(sample.records_of("on-change-failed")) > 2)
            assert await host.stop() == 0
        sample.fail()
        async with sample.running():
            await until(lambda: sample.ids("on-change") == ["a"])


async def test_changes_made_while_the_host_was_down_are_not_skipped(sample: Sample) -> None:
    sample.only("on-loss")
    async with cosmos(sample) as documents:
        async with sample.running() as host:
            await documents.until_leased("on-loss", "lost")
            assert await host.stop() == 0
        assert (await documents.lease("on-loss", "lost"))["owner"] == ""
        await documents.create("lost", "a")
        async with sample.running() as host:
            await until(lambda: sample.ids("on-loss") == ["a"])
            host.process.kill()
        assert (await documents.lease("on-loss", "lost"))["owner"] == "sample"
        await documents.create("lost", "b")
        async with sample.running():
            await until(lambda: sample.ids("on-loss") == ["a", "b"], deadline=SOONER_THAN_A_LEASE_EXPIRES)


async def test_another_host_waits_for_the_lease(sample: Sample) -> None:
    sample.only("on-change")
    async with cosmos(sample) as documents, sample.running():
        await documents.until_leased("on-change", "kept")
        async with sample.running("--name", "other"):
            await documents.create("kept", "a", "b", "c")
            await until(lambda: len(sample.ids("on-change")) >= 3)

    assert sample.ids("on-change") == ["a", "b", "c"]


async def test_listeners_survive_a_cosmos_db_that_starts_late_and_restarts(sample: Sample) -> None:
    sample.only("on-change")
    async with cosmos(sample) as documents:
        port = documents.port
    async with sample.running() as host:
        await until(lambda: logged(host, "lost: ") == 1)
        async with cosmos(sample, port) as documents:
            await documents.create("kept", "a")
            await until(lambda: sample.ids("on-change") == ["a"])
            await until(lambda: logged(host, "back after") == 1)
        await until(lambda: logged(host, "lost: ") == 2)
        async with cosmos(sample, port) as documents:
            await documents.create("kept", "b")
            await until(lambda: sample.ids("on-change")[-1] == "b")
            await until(lambda: logged(host, "back after") == 2)
            assert await host.stop() == 0

    assert set(sample.ids("on-change")) == {"a", "b"}
    assert logged(host, "lost: ") == 2


def logged(host: Host, text: str) -> int:
    """The number of log lines with `text`."""
    return len([line for line in host.log if text in line])
