"""A database that is away, or that nobody has opened, through the real SDK, against the local Cosmos DB."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from azure.core.pipeline.transport import AioHttpTransport, HttpRequest

from shared.adapters.cosmos import CosmosDatabase
from shared.adapters.customers import CosmosCustomers
from shared.domain.errors import StoreUnavailable
from shared.domain.events import CustomerEvent
from shared.domain.identifiers import new_uuid7
from shared.resources import CUSTOMERS
from tests.integration.adapters.cosmos_stores import Stores, empty_stores, new_customer, new_id, settings_for
from tools.play.emulators import Emulators


@pytest.fixture
async def stores(emulators: Emulators) -> AsyncIterator[Stores]:
    async with empty_stores(emulators) as stores:
        yield stores


async def test_a_database_that_does_not_answer_is_unavailable_within_the_timeout(unused_tcp_port: int) -> None:
    settings = settings_for(f"AccountEndpoint=http://127.0.0.1:{unused_tcp_port}/;AccountKey=bG9jYWw=;")
    customers = CosmosCustomers(CosmosDatabase(settings), settings)

    async with asyncio.timeout(settings.cosmos_timeout_seconds + 1):
        with pytest.raises(StoreUnavailable):
            await customers.find(new_id())


async def test_a_database_that_comes_back_is_used_without_a_restart(stores: Stores, emulators: Emulators) -> None:
    await emulators.stop("cosmos")
    try:
        with pytest.raises(StoreUnavailable):
            await stores.customers.find(new_id())
    finally:
        await emulators.start("cosmos")

    assert await stores.customers.find(new_id()) is None


async def test_after_opening_at_the_start_an_operation_is_one_request(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    send = AioHttpTransport.send

    async def counted(transport: AioHttpTransport, request: HttpRequest, **options: Any) -> Any:
        sent.append(f"{request.method} {urlsplit(request.url).path}")
        return await send(transport, request, **options)

    monkeypatch.setattr(AioHttpTransport, "send", counted)
    stores.database.open_at_start([CUSTOMERS])
    await stores.database.opened()
    opening, sent[:] = [*sent], []

    customer = new_customer()
    await stores.customers.add(customer, CustomerEvent.registered(new_uuid7(), customer), keep_answer=False)

    assert "GET /dbs/ssak8/colls/customers/" in opening
    assert sent == ["POST /dbs/ssak8/colls/customers/docs/"]


async def test_a_database_that_is_down_at_the_start_is_opened_by_itself_once_it_is_back(
    stores: Stores, emulators: Emulators
) -> None:
    await emulators.stop("cosmos")
    try:
        stores.database.open_at_start([CUSTOMERS])
        with pytest.raises(StoreUnavailable):
            await stores.customers.find(new_id())
    finally:
        await emulators.start("cosmos")

    assert await stores.customers.find(new_id()) is None


async def test_a_missing_container_is_not_taken_for_a_missing_customer(tmp_path: Path) -> None:
    settings_file = tmp_path / "local-azure.toml"
    settings_file.write_text('[cosmos]\n\n[service_bus]\nentities = "entities.json"\n')
    (tmp_path / "entities.json").write_text('{"UserConfig": {"Namespaces": [{"Name": "n"}]}}')
    with Emulators.running(settings_file, tmp_path / "state") as emulators:
        stores = Stores(emulators.cosmos)

        with pytest.raises(StoreUnavailable):
            await stores.customers.find(new_id())

        await stores.database.close()
