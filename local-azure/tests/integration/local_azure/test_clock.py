"""The clock of the running emulators is moved ahead: `local-azure clock`."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.cosmos import ContainerProxy, CosmosClient
from azure.cosmos.exceptions import CosmosAccessConditionFailedError, CosmosResourceNotFoundError
from azure.servicebus import ServiceBusClient, ServiceBusMessage, ServiceBusSubQueue

from local_azure.configuration import ConfigurationError
from local_azure.stack import Stack
from local_azure.supervisor.services import StackError
from tests.integration.local_azure.tiny_app import write_tiny_app

DEADLINE_SECONDS = 60.0
DAY = timedelta(days=1)
SETTINGS = '[cosmos]\ncontainers = "containers.json"\n\n[service_bus]\nentities = "entities.json"\n'
ORDERS = {"id": "orders", "partitionKey": {"paths": ["/id"]}, "defaultTtl": -1}
QUEUES = {
    "tasks": {"DeadLetteringOnMessageExpiration": True, "LockDuration": "PT1M"},
    "once": {"RequiresDuplicateDetection": True, "DuplicateDetectionHistoryTimeWindow": "PT1H"},
}

# Emulators are started for most tests: in parallel runs one worker has them all.
pytestmark = pytest.mark.xdist_group("moved clock")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A settings file with both emulators that have a clock."""
    file = tmp_path / "local-azure.toml"
    file.write_text(SETTINGS)
    (tmp_path / "containers.json").write_text(json.dumps({"databases": [{"id": "shop", "containers": [ORDERS]}]}))
    queues = [{"Name": name, "Properties": properties} for name, properties in QUEUES.items()]
    (tmp_path / "entities.json").write_text(
        json.dumps({"UserConfig": {"Namespaces": [{"Name": "here", "Queues": queues}]}})
    )
    return file


@pytest.fixture
def stack(config: Path) -> Iterator[Stack]:
    with Stack.start(config) as stack:
        yield stack


@pytest.fixture
def orders(stack: Stack) -> Iterator[ContainerProxy]:
    with CosmosClient.from_connection_string(stack.connection_string("cosmos")) as client:
        yield client.get_database_client("shop").get_container_client("orders")


@pytest.fixture
def bus(stack: Stack) -> Iterator[ServiceBusClient]:
    with ServiceBusClient.from_connection_string(stack.connection_string("service_bus")) as client:
        yield client


def command(config: Path, *arguments: str) -> tuple[int, str, str]:
    done = subprocess.run(  # noqa: S603 the program under test
        [sys.executable, "-m", "local_azure", *arguments, "--config", str(config)],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=30,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def wait_for(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_an_item_expires_as_if_the_time_had_passed(stack: Stack, orders: ContainerProxy) -> None:
    orders.create_item({"id": "short", "ttl": 86_400})
    orders.create_item({"id": "long", "ttl": 3 * 86_400})

    stack.advance_clock(2 * DAY)

    with pytest.raises(CosmosResourceNotFoundError):
        orders.read_item("short", "short")
    assert orders.read_item("long", "long")["ttl"] == 3 * 86_400


def test_cosmos_writes_and_compares_the_moved_time(stack: Stack, orders: ContainerProxy) -> None:
    stack.advance_clock(2 * DAY)
    moved = time.time() + 2 * 86_400

    item = orders.create_item({"id": "1", "due": int((moved + 60) * 1000)})
    [now] = orders.query_items("SELECT VALUE GetCurrentTimestamp()", enable_cross_partition_query=True)
    change = [{"op": "set", "path": "/late", "value": True}]
    with pytest.raises(CosmosAccessConditionFailedError):
        orders.patch_item("1", "1", change, filter_predicate="FROM c WHERE c.due < GetCurrentTimestamp()")
    stack.advance_clock(timedelta(minutes=5))
    patched = orders.patch_item("1", "1", change, filter_predicate="FROM c WHERE c.due < GetCurrentTimestamp()")

    assert abs(item["_ts"] - moved) < 60
    assert abs(int(str(now)) / 1000 - moved) < 60
    assert patched["late"] is True


def test_messages_expire_and_are_enqueued_as_if_the_time_had_passed(stack: Stack, bus: ServiceBusClient) -> None:
    with bus.get_queue_sender("tasks") as sender:
        sender.send_messages(ServiceBusMessage("expires", time_to_live=DAY))
        sender.schedule_messages(ServiceBusMessage("waits"), datetime.now(UTC) + DAY)

    stack.advance_clock(2 * DAY)

    with (
        bus.get_queue_receiver("tasks", max_wait_time=DEADLINE_SECONDS) as receiver,
        bus.get_queue_receiver(
            "tasks", sub_queue=ServiceBusSubQueue.DEAD_LETTER, max_wait_time=DEADLINE_SECONDS
        ) as dead,
    ):
        enqueued, expired = next(receiver), next(dead)
    assert (str(enqueued), str(expired), expired.dead_letter_reason) == ("waits", "expires", "TTLExpiredException")
    assert enqueued.enqueued_time_utc is not None
    assert abs(enqueued.enqueued_time_utc - datetime.now(UTC) - 2 * DAY) < timedelta(minutes=1)


def test_a_duplicate_is_accepted_once_its_window_has_passed(stack: Stack, bus: ServiceBusClient) -> None:
    with bus.get_queue_sender("once") as sender:
        for body in ("first", "duplicate"):
            sender.send_messages(ServiceBusMessage(body, message_id="1"))
        stack.advance_clock(timedelta(hours=1))
        sender.send_messages(ServiceBusMessage("later", message_id="1"))

    with bus.get_queue_receiver("once") as receiver:
        assert [str(message) for message in receiver.receive_messages(3, max_wait_time=2)] == ["first", "later"]


def test_a_message_that_is_being_processed_stays_locked(stack: Stack, bus: ServiceBusClient) -> None:
    with (
        bus.get_queue_sender("tasks") as sender,
        bus.get_queue_receiver("tasks", max_wait_time=DEADLINE_SECONDS) as receiver,
    ):
        sender.send_messages([ServiceBusMessage("one"), ServiceBusMessage("two")])
        first = next(receiver)
        stack.advance_clock(2 * DAY)
        second = next(receiver)

        ends = [receiver.renew_message_lock(first), second.locked_until_utc]
        for message in (first, second):
            receiver.complete_message(message)

    with bus.get_queue_receiver("tasks", max_wait_time=1) as receiver:
        assert receiver.receive_messages(1, max_wait_time=1) == []
    in_a_minute = datetime.now(UTC) + timedelta(minutes=1)
    for end in ends:
        assert end is not None
        assert abs(end - in_a_minute) < timedelta(seconds=20), "the SDK compares it with the real clock"


def test_the_clock_stays_ahead_after_a_restart_and_after_a_crash(stack: Stack, orders: ContainerProxy) -> None:
    stack.advance_clock(2 * DAY)
    before = orders.create_item({"id": "1"})["_ts"]

    stack.restart_service("cosmos")
    restarted = orders.create_item({"id": "2"})["_ts"]
    killed = stack.kill("cosmos")
    wait_for(lambda: any(each.name == "cosmos" and each.pid not in {killed, None} for each in stack.status()))
    stack.wait_for("cosmos", DEADLINE_SECONDS)
    crashed = orders.create_item({"id": "3"})["_ts"]

    assert before <= restarted <= crashed < before + 60
    assert stack.clock_ahead() == 2 * DAY


def test_a_stopped_emulator_has_the_moved_clock_when_it_starts(stack: Stack, orders: ContainerProxy) -> None:
    stack.stop_service("cosmos")
    assert stack.advance_clock(2 * DAY) == 2 * DAY
    stack.start_service("cosmos")

    assert orders.create_item({"id": "1"})["_ts"] > time.time() + 86_400


def test_an_emulator_that_does_not_answer_is_named_and_follows_later(
    stack: Stack, orders: ContainerProxy, config: Path
) -> None:
    stack.kill("service_bus", signal.SIGSTOP)

    code, _, error = command(config, "clock", "--advance", "2d")

    assert code == 1
    assert "The clock is 2d ahead, but service_bus has not confirmed" in error
    assert "do not advance the clock once more" in error
    assert orders.create_item({"id": "1"})["_ts"] > time.time() + 86_400
    stack.kill("service_bus", signal.SIGCONT)
    assert command(config, "clock")[0] == 0


def test_the_command_shows_and_moves_the_clock(stack: Stack, config: Path) -> None:
    assert command(config, "clock") == (0, "The emulators' clock is not ahead\n", "")
    first = command(config, "clock", "--advance", "5d")
    command(config, "clock", "--advance", "1h30m")
    shown = command(config, "clock")

    assert first[1].startswith(f"The emulators' clock is 5d ahead: {datetime.now(UTC) + 5 * DAY:%Y-%m-}")
    assert shown[1].startswith("The emulators' clock is 5d1h30m ahead: ")
    assert stack.clock_ahead() == timedelta(days=5, hours=1, minutes=30)
    assert "The emulators' clock is 5d1h30m ahead now." in stack.log("supervisor")


def test_a_wrong_duration_is_refused_and_moves_nothing(stack: Stack, config: Path) -> None:
    back = command(config, "clock", "--advance", "-5d")
    far = [command(config, "clock", "--advance", "2000d") for _ in range(2)]

    assert (back[0], "only moves forward" in back[2]) == (2, True)
    assert [code for code, _, _ in far] == [0, 1]
    assert "the clock would be 4000d ahead; at most 3650d" in far[1][2]
    assert stack.clock_ahead() == timedelta(days=2000)
    for wrong in (timedelta(seconds=-1), timedelta(milliseconds=1)):
        with pytest.raises(StackError, match="only moves forward, and by whole seconds"):
            stack.advance_clock(wrong)


def test_a_start_says_that_the_clock_was_moved_and_reset_sets_it_back(config: Path) -> None:
    with Stack.start(config, only=("cosmos",)) as stack:
        stack.advance_clock(DAY)

    again = command(config, "up", "--detach", "--free-ports", "--only", "cosmos")
    command(config, "reset", "--force")
    after_reset = command(config, "up", "--detach", "--free-ports", "--only", "cosmos")
    with Stack(config.parent / ".local-azure") as stack:
        assert stack.clock_ahead() == timedelta()

    assert "The emulators' clock was moved, and is 1d ahead; `local-azure reset` sets it back." in again[1]
    assert "ahead" not in after_reset[1]


def test_a_clock_file_that_is_not_valid_is_named_at_the_start(config: Path) -> None:
    state = config.parent / ".local-azure"
    with Stack.start(config, only=("cosmos",)):
        pass
    (state / "clock.json").write_text("soon")

    with pytest.raises(ConfigurationError, match=r"clock\.json: .*delete it"):
        Stack.start(config, only=("cosmos",))


def test_without_an_emulator_there_is_no_clock_to_move(tmp_path: Path) -> None:
    with (
        Stack.start(write_tiny_app(tmp_path), only=("tiny",)) as stack,
        pytest.raises(StackError, match="neither Cosmos DB nor Service Bus"),
    ):
        stack.advance_clock(DAY)


TIMERS = """
import azure.functions as func

app = func.FunctionApp()

@app.function_name("new-year")
@app.timer_trigger("timer", schedule="0 0 0 1 1 *")
async def new_year(timer: func.TimerRequest) -> None:
    print(f"a new year began, past due: {timer.past_due}", flush=True)
"""


@pytest.fixture
def yearly(config: Path) -> Iterator[Stack]:
    """An app with a timer that is due once a year, beside a Cosmos DB."""
    app = config.parent / "app"
    app.mkdir()
    (app / "function_app.py").write_text(TIMERS)
    (app / "host.json").write_text(json.dumps({"version": "2.0"}))
    config.write_text(f'{SETTINGS}\n[apps.yearly]\nport = 0\nfolder = "app"\n')
    with Stack.start(config, only=("cosmos", "yearly")) as stack:
        yield stack


def new_years(stack: Stack) -> list[str]:
    return [line for line in stack.log("yearly").splitlines() if "a new year began" in line]


def test_a_timer_that_was_due_in_the_time_that_was_skipped_runs_once(yearly: Stack) -> None:
    yearly.advance_clock(3 * 366 * DAY)

    wait_for(lambda: bool(new_years(yearly)))
    assert [line.endswith("past due: True") for line in new_years(yearly)] == [True]


def test_an_app_that_was_stopped_runs_its_timer_when_it_starts(yearly: Stack) -> None:
    yearly.advance_clock(366 * DAY)
    wait_for(lambda: bool(new_years(yearly)))
    yearly.stop_service("yearly")

    yearly.advance_clock(366 * DAY)
    yearly.start_service("yearly")

    wait_for(lambda: bool(new_years(yearly)))


def test_a_timer_that_was_not_due_does_not_run(yearly: Stack) -> None:
    yearly.advance_clock(timedelta(seconds=1))

    yearly.restart_service("yearly")

    assert new_years(yearly) == []
