"""The kakao client on connections that break, at the start, and while nobody is there, over real sockets."""

import asyncio
import time

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from shared.domain.errors import KakaoUnavailable
from tests.integration.adapters.kakao_service import (
    CUSTOMER,
    KAKAO_TIMEOUT,
    answering,
    client_of,
    flaky_kakao,
    notify,
    woken_kakao,
)


async def test_a_closed_port_is_unavailable(unused_tcp_port: int) -> None:
    client = client_of(f"http://127.0.0.1:{unused_tcp_port}")

    with pytest.raises(KakaoUnavailable, match="no answer"):
        await notify(client)
    await client.close()


@pytest.mark.parametrize("behaviours", [["reset"], ["reset", "reset", "reset"], ["half"], ["half", "reset", "half"]])
async def test_what_got_no_whole_answer_is_sent_again_with_the_same_key(behaviours: list[str]) -> None:
    async with flaky_kakao(*behaviours, kakao_timeout_seconds=5) as (client, keys):
        await notify(client)

    assert keys == [f"{CUSTOMER.customer_id}.registered"] * (len(behaviours) + 1)


async def test_an_answer_that_means_overload_is_not_repeated() -> None:
    async with flaky_kakao("busy") as (client, keys):
        with pytest.raises(KakaoUnavailable, match="overloaded"):
            await notify(client)

    assert len(keys) == 1


async def test_repeating_adds_little_to_the_load_of_a_kakao_that_gets_calls_and_dies() -> None:
    behaviours = ["reset"] * 1000
    async with flaky_kakao(*behaviours, registrations_at_once=3, kakao_breaker_failures=10_000) as (client, keys):
        outcomes = [await asyncio.gather(notify(client), return_exceptions=True) for _ in range(20)]

    assert all(isinstance(outcome, KakaoUnavailable) for [outcome] in outcomes)
    assert len(keys) == 20 + 3


async def test_a_kakao_that_comes_back_in_time_costs_no_registration(unused_tcp_port: int) -> None:
    client = client_of(f"http://127.0.0.1:{unused_tcp_port}", kakao_timeout_seconds=5)
    # More than open the circuit: those that find it open wait for the trial.
    notifying = [asyncio.create_task(notify(client)) for _ in range(20)]
    await asyncio.sleep(0.7)
    app = web.Application()
    app.router.add_post("/kakaos", answering(201))
    async with TestServer(app, port=unused_tcp_port):
        await asyncio.gather(*notifying)
    await client.close()


async def test_while_nobody_is_there_callers_are_refused_when_their_time_is_up(unused_tcp_port: int) -> None:
    client = client_of(f"http://127.0.0.1:{unused_tcp_port}", kakao_timeout_seconds=1)
    before = time.monotonic()
    outcomes = await asyncio.gather(*(notify(client) for _ in range(20)), return_exceptions=True)
    await client.close()

    assert all(isinstance(outcome, KakaoUnavailable) for outcome in outcomes)
    assert time.monotonic() - before < 5


async def test_an_idle_connection_that_kakao_has_closed_costs_no_registration() -> None:
    served = 0

    async def answer_once_then_hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal served
        for last in (False, True):
            head = await reader.readuntil(b"\r\n\r\n")
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length))
            if last:
                break
            served += 1
            writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer_once_then_hang_up, "127.0.0.1", 0) as server:
        client = client_of(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        await notify(client)
        await notify(client)
        await client.close()

    assert served == 2


async def test_at_the_start_it_wakes_kakao_with_a_token_and_calls_wait_outside_their_own_time() -> None:
    asked: list[tuple[str, str]] = []
    go_on = asyncio.Event()

    async def answer_late(request: web.Request) -> web.StreamResponse:
        asked.append((request.match_info["id"], request.headers["Authorization"]))
        await go_on.wait()
        return web.Response(status=404)

    async with woken_kakao(answer_late) as client:
        client.open_at_start()
        notifying = asyncio.create_task(notify(client))
        await asyncio.sleep(2 * KAKAO_TIMEOUT)
        assert not notifying.done()
        go_on.set()
        await notifying

    assert asked == [("00000000-0000-7000-8000-000000000000.registered", "Bearer token for kakao/.default")]


async def test_a_kakao_that_is_down_at_the_start_is_called_all_the_same_and_woken_later() -> None:
    asked: list[str] = []

    async def fail_once(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        return web.Response(status=404 if len(asked) > 1 else 503)

    async with woken_kakao(fail_once) as client:
        client.open_at_start()
        await notify(client)
        async with asyncio.timeout(30):
            while len(asked) < 2:  # noqa: ASYNC110 - it is tried again in the background
                await asyncio.sleep(0.02)
