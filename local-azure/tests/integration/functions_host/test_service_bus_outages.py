"""Service Bus triggers while the service or the host restarts."""

from functools import partial

from tests.integration.functions_host.buses import message, service_bus
from tests.integration.functions_host.hosts import Sample, until


def has_received(sample: Sample, body: str) -> bool:
    return any(seen["body"] == body for seen in sample.records_of("on-message"))


async def test_listeners_survive_a_service_bus_that_starts_late_and_restarts(sample: Sample) -> None:
    sample.only("on-message", "hello")
    async with service_bus(sample) as bus:
        port = bus.port
    async with sample.running() as host:
        for round_number in range(2):
            async with service_bus(sample, port) as bus:
                await bus.send(message(f"round{round_number}"))
                await until(partial(has_received, sample, f"round{round_number}"))
                await bus.until_remaining([])
        lost = [line for line in host.log if "lost:" in line]
        back = [line for line in host.log if "back after" in line]
        assert await host.stop() == 0

    assert len(back) == 2
    assert len(lost) in (2, 3)


async def test_running_messages_are_settled_before_the_host_ends_and_a_kill_loses_none(sample: Sample) -> None:
    sample.only("on-message")
    async with service_bus(sample) as bus:
        async with sample.running() as host:
            await bus.send(message("running", seconds=0.6))
            await until(lambda: sample.records_of("on-message-started"))
            await bus.send(*[message(str(n), seconds=0.6) for n in range(3)])
            assert await host.stop() == 0
        done = [record["body"] for record in sample.records_of("on-message")]
        assert "running" in done
        assert sorted(done + await bus.remaining()) == ["0", "1", "2", "running"]

        sample.reset()
        async with sample.running() as host:
            await bus.send(message("killed", seconds=30))
            await until(lambda: any(seen["body"] == "killed" for seen in sample.records_of("on-message-started")))
            host.process.kill()
        assert "killed" in await bus.remaining()
