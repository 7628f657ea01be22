"""What goes wrong around my page on a local stack, for the time of a block."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

import aiohttp

from local_azure.stack import Stack

CALL_SECONDS: Final = 10

type Outage = Callable[[Stack], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def nothing(stack: Stack) -> AsyncIterator[None]:
    """Everything works."""
    yield


def without(service: str) -> Outage:
    """This service is stopped."""

    @asynccontextmanager
    async def outage(stack: Stack) -> AsyncIterator[None]:
        await asyncio.to_thread(stack.stop_service, service)
        try:
            yield
        finally:
            await asyncio.to_thread(stack.start_service, service)

    return outage


def faulty_kakao_login(**faults: object) -> Outage:
    """The stand-in for Kakao Login answers wrongly: stand_ins/kakao_login/faults.py says how."""

    @asynccontextmanager
    async def outage(stack: Stack) -> AsyncIterator[None]:
        await _set_faults(stack, faults)
        try:
            yield
        finally:
            await _set_faults(stack, {})

    return outage


async def _set_faults(stack: Stack, faults: object) -> None:
    url = f"{stack.url('kakao_login')}/stand-in/faults"
    timeout = aiohttp.ClientTimeout(CALL_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout, raise_for_status=True) as http:
        await http.put(url, data=json.dumps(faults))
