"""A batch of the maximum size through an outage of the database, with the real SDK."""

import asyncio
import json
from collections import Counter

from shared.adapters.cosmos import CosmosDatabase
from shared.adapters.customer_views import CosmosCustomerViews
from shared.adapters.set_aside import ServiceBusMessagesSetAside
from shared.domain.customer import Customer
from shared.domain.events import CustomerEvent
from shared.domain.identifiers import CustomerId, new_uuid7
from shared.events.batches import BatchHandler
from shared.resources import VIEW_UPDATER
from shared.settings import Settings
from shared.use_cases.projecting import MoveView, UpdateView
from tests.unit.events.messages import event_message
from tests.unit.fakes import START, YEON
from tools.paths import ROOT
from tools.play.emulators import Emulators

MAXIMUM = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))["extensions"]["serviceBus"][
    "maxMessageBatchSize"
]


async def test_a_full_batch_waits_for_the_database_and_then_creates_every_view(emulators: Emulators) -> None:
    settings = Settings.model_validate(
        {
            "cosmos_connection": emulators.cosmos,
            "cosmos_timeout_seconds": 1,
            "service_bus_connection": emulators.service_bus,
            "kakao_api_url": "http://127.0.0.1:1",
        }
    )
    database = CosmosDatabase(settings)
    views = CosmosCustomerViews(database, settings)
    update, handled = UpdateView(MoveView(views), lambda _: None), Counter[str]()
    tried_twice = asyncio.Event()

    async def count_and_update(event: CustomerEvent) -> None:
        handled[event.id] += 1
        if min(handled.values()) == 2 and len(handled) == MAXIMUM:
            tried_twice.set()
        await update(event)

    customers = [Customer.register(CustomerId(new_uuid7()), YEON, START) for _ in range(MAXIMUM)]
    events = [CustomerEvent.registered(new_uuid7(), customer) for customer in customers]
    batch = BatchHandler(VIEW_UPDATER, count_and_update, ServiceBusMessagesSetAside(settings), retry_seconds=30)
    await views.find(events[0].subject)  # opens the connection
    await emulators.stop("cosmos")
    try:
        delivery = asyncio.create_task(batch([event_message(event, n) for n, event in enumerate(events)]))
        async with asyncio.timeout(30):
            await tried_twice.wait()
    finally:
        await emulators.start("cosmos")

    await delivery

    assert [view.version for event in events if (view := await views.get(event.subject))] == [1] * MAXIMUM
    # Nothing was handled more often than there were attempts for all.
    assert set(handled) == {event.id for event in events}
    assert 2 <= min(handled.values()) <= max(handled.values()) <= min(handled.values()) + 1
    await database.close()
