"""Service Bus triggers, with the unmodified SDK and the local Service Bus."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

import pytest
import pytest_asyncio
from azure.servicebus import ServiceBusMessage

from tests.integration.functions_host.buses import LOCK_SECONDS, Bus, message, service_bus
from tests.integration.functions_host.hosts import Host, Sample, sample_in, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

MAX_BATCH = 8  # maxMessageBatchSize in the sample app's host.json
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@dataclass
class Site:
    """The running sample app and its Service Bus."""

    sample: Sample
    bus: Bus
    host: Host


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    sample = sample_in(tmp_path_factory.mktemp("bus"))
    sample.only("on-message", "on-batch")
    async with service_bus(sample) as bus, sample.running() as host:
        yield Site(sample, bus, host)


@pytest.fixture
def site(running: Site) -> Site:
    """Without records and requested failures."""
    running.sample.reset()
    return running


async def test_a_function_gets_the_message_which_is_then_completed(site: Site) -> None:
    sample, bus = site.sample, site.bus
    sent = ServiceBusMessage(
        '{"이름": "김"}',
        message_id="m1",
        subject="Registered",
        correlation_id="c1",
        content_type="application/json",
        application_properties={"traceparent": PARENT, "count": 3},
    )
    await bus.send(sent)
    (seen,) = await until(lambda: sample.records_of("on-message"))
    await bus.until_remaining([])

    assert seen["body"] == '{"이름": "김"}'
    assert seen["message_id"] == "m1"
    assert seen["subject"] == "Registered"
    assert seen["correlation_id"] == "c1"
    assert seen["content_type"] == "application/json"
    assert seen["delivery_count"] == 1
    assert seen["properties"] == seen["user_properties"] == {"traceparent": PARENT, "count": 3}
    assert seen["trace"] == PARENT
    assert len(seen["lock_token"]) == 36
    assert datetime.fromisoformat(seen["enqueued"]).tzinfo is None
    assert seen["expires"].startswith("9999-12-31")
    assert {"EnqueuedTime", "ExpiresAt", "Label", "SequenceNumber", "UserProperties"} <= set(seen["metadata"])


async def test_a_failure_abandons_the_message_which_is_then_delivered_again(site: Site) -> None:
    sample, bus = site.sample, site.bus
    sample.fail("on-message")
    await bus.send(message("a"))
    (seen,) = await until(lambda: sample.records_of("on-message"))
    await bus.until_remaining([])

    assert seen["delivery_count"] == 2
    assert len([line for line in site.host.log if "function=on-message" in line and "failed" in line]) == 1


async def test_a_message_that_always_fails_is_dead_lettered_and_blocks_nothing(site: Site) -> None:
    sample, bus = site.sample, site.bus
    sample.fail("on-message", "on-message", "on-message")
    await bus.send(message("bad"))
    await bus.until_remaining(["bad"], "dead")
    await bus.send(message("good"))
    (seen,) = await until(lambda: sample.records_of("on-message"))
    await bus.until_remaining([])

    assert seen["body"] == "good"


async def test_messages_are_handled_concurrently_and_slow_ones_do_not_block_others(site: Site) -> None:
    sample, bus = site.sample, site.bus
    await bus.send(*[message(f"slow{n}", seconds=1) for n in range(4)])
    await until(lambda: len(sample.records_of("on-message-started")) == 4)
    await bus.send(*[message(f"fast{n}") for n in range(20)])
    await until(lambda: len(sample.records_of("on-message")) == 24)
    bodies = [record["body"] for record in sample.records_of("on-message")]
    await bus.until_remaining([])

    assert {body[:4] for body in bodies[:20]} == {"fast"}


async def test_locks_are_renewed_while_a_function_runs(site: Site) -> None:
    sample, bus = site.sample, site.bus
    await bus.send(message("long", seconds=LOCK_SECONDS + 1))
    await until(lambda: sample.records_of("on-message"))
    await bus.until_remaining([])

    assert len(sample.records_of("on-message-started")) == 1


async def test_batches_are_delivered_and_settled_as_a_whole(site: Site) -> None:
    sample, bus = site.sample, site.bus
    sample.fail("on-batch")
    await bus.send_to_queue(*[message(str(n), n=n) for n in range(5)], ServiceBusMessage("bare"))
    await until(lambda: sum(len(seen["ids"]) for seen in sample.records_of("on-batch")) == 6)
    await bus.until_remaining([], "batches")

    batches = sample.records_of("on-batch")
    assert max(count for batch in batches for count in batch["counts"]) == 2
    assert min(len(batch["ids"]) for batch in batches) >= 1
    properties = {
        body: properties
        for batch in batches
        for body, properties in zip(batch["bodies"], batch["properties"], strict=True)
    }
    assert properties == {**{str(n): {"n": n} for n in range(5)}, "bare": {}}


async def test_a_batch_has_a_trace_of_its_own_and_what_belongs_to_each_message(site: Site) -> None:
    sample, bus = site.sample, site.bus
    await hold(site)
    await bus.send_to_queue(
        *[
            ServiceBusMessage(body, subject=body, application_properties={"traceparent": PARENT, "body": body})
            for body in ("a", "", "c")
        ]
    )
    await bus.until_remaining([], "batches")
    seen = sample.records_of("on-batch")[-1]

    assert seen["bodies"] == ["a", "", "c"]
    assert [properties["body"] for properties in seen["properties"]] == ["a", "", "c"]
    assert seen["counts"] == [1, 1, 1]
    assert seen["numbers"] == sorted(set(seen["numbers"]))
    assert all(datetime.fromisoformat(enqueued).tzinfo is None for enqueued in seen["enqueued"])
    # As on Azure: a text that is missing leaves no gap in the list.
    assert seen["subjects"] == ["a", "c", None]
    assert seen["trace"][3:35] != PARENT[3:35]


async def hold(site: Site) -> None:
    """Keeps the function busy for a moment, so that what is sent now is there when it is free."""
    await site.bus.send_to_queue(message("hold", seconds=LOCK_SECONDS / 2))
    await until(lambda: site.sample.records_of("on-batch"))


async def test_a_batch_has_at_most_as_many_messages_as_host_json_says(site: Site) -> None:
    sample, bus = site.sample, site.bus
    await hold(site)
    await bus.send_to_queue(*[message(str(number)) for number in range(MAX_BATCH + 4)])
    await bus.until_remaining([], "batches")

    sizes = [len(seen["ids"]) for seen in sample.records_of("on-batch")]
    assert sizes == [1, MAX_BATCH, 4]


async def test_the_locks_of_a_batch_are_not_renewed(site: Site) -> None:
    sample, bus = site.sample, site.bus
    await bus.send_to_queue(message("long", seconds=LOCK_SECONDS + 1))
    await until(lambda: len(sample.records_of("on-batch")) == 2)
    await bus.until_remaining([], "batches")

    assert [seen["counts"] for seen in sample.records_of("on-batch")[:2]] == [[1], [2]]
    assert any("on-batch: the locks of 1 messages of a batch were lost" in line for line in site.host.log)


async def test_what_arrives_during_a_long_batch_is_delivered_once_with_a_fresh_lock(site: Site) -> None:
    sample, bus = site.sample, site.bus
    await bus.send_to_queue(message("first", seconds=LOCK_SECONDS / 2 + 0.5))
    await until(lambda: sample.records_of("on-batch"))
    await bus.send_to_queue(message("second", seconds=LOCK_SECONDS / 2 + 0.5))
    await until(lambda: len(sample.records_of("on-batch")) == 2)
    await bus.until_remaining([], "batches")

    # Together both take longer than the lock of the second, which came while the first was handled.
    assert [(seen["ids"], seen["counts"]) for seen in sample.records_of("on-batch")] == [
        (["first"], [1]),
        (["second"], [1]),
    ]
