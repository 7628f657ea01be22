"""The limit of requests in progress."""

import asyncio
import json

import aiohttp

from tests.integration.local_azure.servers import SETTINGS, gateway_to, upstream_that
from tests.integration.local_azure.test_gateway_refusing import OK, read_request

DEADLINE_SECONDS = 60.0


async def test_beyond_the_limit_posts_are_refused_and_nothing_else(client: aiohttp.ClientSession) -> None:
    """Cancelling, a DELETE, has to work while registering is overloaded."""
    both_wait, go_on = asyncio.Event(), asyncio.Event()
    reached: list[bytes] = []

    async def answer_later(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not reader.at_eof():
            try:
                reached.append((await read_request(reader))[:6])
            except asyncio.IncompleteReadError:
                return
            if reached.count(b"POST /") == 2:
                both_wait.set()
            if reached[-1].startswith(b"POST"):
                await go_on.wait()
            writer.write(OK)

    settings = SETTINGS.model_copy(update={"concurrency": {"POST /customers": 2}})
    async with upstream_that(answer_later) as upstream, gateway_to(upstream, settings) as address:
        url = f"{address}/customers"
        waiting = [asyncio.create_task(client.post(url)) for _ in range(2)]
        async with asyncio.timeout(DEADLINE_SECONDS):
            await both_wait.wait()
        async with client.post(f"{url}/1") as refused:
            document = json.loads(await refused.read())
        async with client.delete(f"{url}/1") as deleted, client.get(url) as got:
            others = (deleted.status, got.status)
        go_on.set()
        statuses = [(await each).status for each in waiting]
        async with client.post(url) as accepted:
            statuses.append(accepted.status)

    assert (refused.status, refused.headers["Retry-After"]) == (503, "2")
    assert refused.content_type == "application/problem+json"
    assert (document["status"], document["instance"], len(document["traceId"])) == (503, "/customers/1", 32)
    assert (others, statuses) == ((200, 200), [200, 200, 200])
    assert reached.count(b"POST /") == 3
