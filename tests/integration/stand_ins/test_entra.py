"""The commands of the stand-in for Entra ID, as somebody at a shell uses them."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psutil
import pytest
from aiohttp.test_utils import unused_port

from shared.adapters.issuer_keys import REFETCH_PAUSE, CachedIssuer, OpenIdIssuer
from shared.adapters.tokens import Expected, TokenVerifier
from shared.domain.callers import Operator
from shared.domain.errors import Forbidden, Unavailable
from tests.unit.adapters.signing import SESSIONS
from tools.paths import ROOT

TENANT = "6d1f0c5a-0000-4000-8000-000000000000"
AUDIENCE = "ssak8-api"
START_SECONDS = 60


async def command(*arguments: object) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "stand_ins.entra", *map(str, arguments), cwd=ROOT, stdout=PIPE, stderr=PIPE
    )


async def output(*arguments: object, code: int = 0) -> str:
    """What the command prints: to the error output, if it fails with this code."""
    process = await command(*arguments)
    out, err = await process.communicate()
    assert process.returncode == code, err.decode()
    assert (not out) if code else (not err)
    return (out + err).decode().strip()


@asynccontextmanager
async def serving(port: int) -> AsyncIterator[Process]:
    process = await command("serve", "--port", port, "--tenant", TENANT, "--audience", AUDIENCE)
    try:
        async with asyncio.timeout(START_SECONDS):
            while not await _accepts(port):
                assert process.returncode is None
                await asyncio.sleep(0.05)
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


async def _accepts(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return False
    writer.close()
    return True


async def test_an_operator_gets_in_with_the_token_of_one_command() -> None:
    port = unused_port()
    options = ("--port", port, "--tenant", TENANT, "--audience", AUDIENCE)
    issuer = f"http://127.0.0.1:{port}/{TENANT}/v2.0"
    now = 0.0
    directory = OpenIdIssuer(issuer, timeout_seconds=5)
    verifier = TokenVerifier(
        SESSIONS, {}, Expected(issuer, AUDIENCE), CachedIssuer(directory, "Entra ID", clock=lambda: now)
    )

    async with serving(port) as process:
        first = await output("token", "--role", "Operator", *options)
        operator = await verifier.caller(f"Bearer {first}")
        assert isinstance(operator, Operator)

        with pytest.raises(Forbidden):
            await verifier.caller(f"Bearer {await output('token', *options)}")

        assert await output("rotate", *options) == ""
        second = await output("token", "--role", "Operator", *options)
        now += REFETCH_PAUSE
        assert await verifier.caller(f"Bearer {second}") == await verifier.caller(f"Bearer {first}") == operator

        assert "AADSTS50034" in await output("token", "--user", "?", *options, code=1)
        process.terminate()
        assert await process.wait() == 0

    assert await verifier.caller(f"Bearer {second}") == operator
    stranger = CachedIssuer(directory, "Entra ID", clock=lambda: now)
    with pytest.raises(Unavailable):
        await stranger.key("any")
    assert "nothing answers" in await output("token", *options, code=1)
    await directory.close()


async def test_it_listens_on_this_machine_only() -> None:
    port = unused_port()

    async with serving(port) as process:
        connections = psutil.Process(process.pid).net_connections()

    assert [c.laddr for c in connections if c.status == psutil.CONN_LISTEN] == [("127.0.0.1", port)]
