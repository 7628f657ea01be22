import asyncio
import re
import socket

from tests.unit.bench.server import CLOSING, CREATED, REFUSED, Server, serving
from tools.bench.generator.closed_loop import closed_loop
from tools.bench.generator.plan import Call, Plan, result_from_json, result_to_json


async def created(server: Server, number: int) -> bytes:
    return CREATED


async def test_every_answer_is_counted_once_by_what_it_says() -> None:
    async def every_third_refused(server: Server, number: int) -> bytes:
        return REFUSED if number % 3 == 0 else CREATED

    async with serving(every_third_refused) as server:
        result = await closed_loop(Plan(Call([server.url], "POST", "{}"), 60, users=4, calls=30))

    assert len(server.requests) == 30
    assert len(result.durations) == 20
    assert result.failures == {"503 overloaded": 10}
    assert result.retry_after == {"2": 10}


async def test_the_request_is_the_one_that_was_asked_for() -> None:
    async with serving(created) as server:
        call = Call([server.url], "POST", '{"a": "é"}', {"Prefer": "respond-async"})
        await closed_loop(Plan(call, 60, users=1, calls=1))

    [request] = server.requests
    assert request.startswith(b"POST /customers HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b"Content-Length: 11\r\n" in request
    assert b"\r\nPrefer: respond-async\r\n" in request
    assert request.endswith('{"a": "é"}'.encode())


async def test_each_url_has_its_turn() -> None:
    async with serving(created) as server:
        await closed_loop(Plan(Call([f"{server.url}/1", f"{server.url}/2"]), 60, users=1, calls=4))

    assert [request.split()[1] for request in server.requests] == [b"/customers/1", b"/customers/2"] * 2


async def test_each_token_is_used_once_and_the_load_ends_with_the_last() -> None:
    async with serving(created) as server:
        call = Call([f"{server.url}/1", f"{server.url}/2"], "POST", "{}", tokens=["a", "b", "c"])
        result = await closed_loop(Plan(call, 60, users=1))

    assert len(result.durations) == 3
    assert [re.findall(rb"Authorization: (.*)\r", request) for request in server.requests] == [
        [b"Bearer a"],
        [b"Bearer b"],
        [b"Bearer c"],
    ]
    assert [request.split()[1] for request in server.requests] == [b"/customers/1", b"/customers/2", b"/customers/1"]


async def test_users_keep_their_connections_unless_told_otherwise() -> None:
    async with serving(created) as kept, serving(created) as fresh:
        results = [
            await closed_loop(Plan(Call([kept.url]), 60, users=2, calls=10)),
            await closed_loop(Plan(Call([fresh.url]), 60, users=2, calls=10, keep_open=False)),
        ]

    assert kept.connections == 2
    assert fresh.connections == 10
    assert [len(result.durations) for result in results] == [10, 10]


async def test_a_connection_that_the_server_closes_politely_is_no_failure() -> None:
    async def closing(server: Server, number: int) -> bytes:
        return CLOSING

    async with serving(closing) as server:
        result = await closed_loop(Plan(Call([server.url]), 60, users=1, calls=5))

    assert (len(result.durations), result.failures) == (5, {})
    assert server.connections == 5


async def test_a_connection_that_ends_without_an_answer_is_a_failure() -> None:
    async def second_lost(server: Server, number: int) -> bytes | None:
        return None if number == 2 else CREATED

    async with serving(second_lost) as server:
        result = await closed_loop(Plan(Call([server.url]), 60, users=1, calls=3))

    assert result.failures == {"connection lost": 1}
    assert len(result.durations) == 2


async def test_refused_connections_are_counted_and_not_hammered() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        plan = Plan(Call([f"http://127.0.0.1:{taken.getsockname()[1]}/"]), 0.25, users=1)
        result = await closed_loop(plan)

    assert 1 <= result.failures["connection refused"] <= 3
    assert not result.durations


async def test_the_load_ends_after_its_seconds() -> None:
    async with serving(created) as server, asyncio.timeout(10):
        result = await closed_loop(Plan(Call([server.url]), 0.2, users=2))

    assert result.elapsed >= 0.2
    assert len(result.durations) == len(server.requests)


async def test_plan_and_result_cross_a_pipe_unchanged() -> None:
    call = Call(["http://127.0.0.1:1/a", "http://127.0.0.1:1/b"], "POST", "{}", {"Prefer": "respond-async"})
    plan = Plan(call, 3, users=4, keep_open=False)
    async with serving(created) as server:
        result = await closed_loop(Plan(Call([server.url]), 60, users=2, calls=4))

    assert Plan.from_json(plan.to_json()) == plan
    assert result_from_json(result_to_json(result)) == result
