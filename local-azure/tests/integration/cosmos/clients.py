"""The unmodified SDK, and shortcuts for calls that many tests make."""

from collections.abc import AsyncIterable
from typing import Any

from azure.core.pipeline.transport import AioHttpTransport
from azure.cosmos.aio import ContainerProxy, CosmosClient

TIMEOUT_SECONDS = 10


class Clock:
    """Seconds since 1970, as the test sets them."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def connect(connection_string: str) -> CosmosClient:
    transport = AioHttpTransport(use_env_settings=False)
    return CosmosClient.from_connection_string(connection_string, transport=transport, timeout=TIMEOUT_SECONDS)


async def gather(results: AsyncIterable[Any]) -> list[Any]:
    return [result async for result in results]


async def query(container: ContainerProxy, text: str, **options: Any) -> list[Any]:
    return await gather(container.query_items(text, **options))


def ids(items: list[Any]) -> str:
    return "".join(item["id"] for item in items)


def named(**parameters: Any) -> list[dict[str, Any]]:
    return [{"name": f"@{name}", "value": value} for name, value in parameters.items()]
