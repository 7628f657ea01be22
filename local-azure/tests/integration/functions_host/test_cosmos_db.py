"""Cosmos DB triggers, with the unmodified SDK and the local Cosmos DB."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from tests.integration.functions_host.databases import Documents, cosmos
from tests.integration.functions_host.hosts import Host, Sample, sample_in, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

BEFORE = [f"before{n:02}" for n in range(15)]


@dataclass
class Site:
    """The running sample app and its database."""

    sample: Sample
    documents: Documents
    host: Host


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """The sample app, started when both containers had the documents BEFORE."""
    sample = sample_in(tmp_path_factory.mktemp("cosmos"))
    sample.only("on-change", "on-loss")
    async with cosmos(sample) as documents:
        await documents.create("kept", *BEFORE)
        await documents.create("lost", *BEFORE)
        async with sample.running() as host:
            await until(lambda: len(sample.ids("on-change")) == len(BEFORE))
            await documents.until_leased("on-loss", "lost")
            yield Site(sample, documents, host)


@pytest.fixture
def site(running: Site) -> Site:
    return running


async def test_the_feed_starts_at_the_beginning_if_the_function_says_so(site: Site) -> None:
    assert site.sample.ids("on-change") == BEFORE
    assert max(len(seen["ids"]) for seen in site.sample.records_of("on-change")) == 10
    assert site.sample.ids("on-loss") == []


async def test_changes_arrive_in_order_and_once(site: Site) -> None:
    site.sample.reset()
    one_by_one, together = [f"a{n}" for n in range(5)], [f"b{n}" for n in range(5)]

    await site.documents.create("kept", *one_by_one)
    await site.documents.create_together("kept", together)
    await until(lambda: len(site.sample.ids("on-change")) == 10)

    assert site.sample.ids("on-change") == one_by_one + together


async def test_with_a_retry_policy_a_batch_waits_until_it_succeeds(site: Site) -> None:
    site.sample.reset()
    site.sample.fail(*["on-change"] * 3)

    await site.documents.create("kept", "c")
    await until(lambda: site.sample.ids("on-change") == ["c"])
    await site.documents.create("kept", "d")
    await until(lambda: site.sample.ids("on-change") == ["c", "d"])

    assert [seen["retry"] for seen in site.sample.records_of("on-change-failed")] == [0, 1, 2]
    assert [seen["retry"] for seen in site.sample.records_of("on-change")] == [3, 0]
    assert not any("function=on-change" in line and "are lost" in line for line in site.host.log)


async def test_without_a_retry_policy_a_failed_batch_is_lost_and_logged(site: Site) -> None:
    site.sample.reset()
    site.sample.fail("on-loss")

    await site.documents.create("lost", "e")
    await until(lambda: site.sample.ids("on-loss-failed") == ["e"])
    await site.documents.create("lost", "f")
    await until(lambda: site.sample.ids("on-loss") == ["f"])

    assert any("function=on-loss: 1 changes are lost" in line for line in site.host.log)
