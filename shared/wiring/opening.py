"""What an app opens when it starts, so that its first calls find everything open."""

import asyncio
from typing import Final

from shared.garbage_collection import spare_long_lived_objects
from shared.resources import ACCESS_RECORDS, CUSTOMER_VIEWS, CUSTOMERS, KAKAOS
from shared.settings import WITH_DATA, Service, settings
from shared.time_formats import keep_time_formats
from shared.wiring import customer_app, interface, stores

CONTAINERS: Final = {
    Service.CUSTOMER: CUSTOMERS,
    Service.KAKAO: KAKAOS,
    Service.CUSTOMERVIEW: CUSTOMER_VIEWS,
}
"""The container of each service, to which its identity has access."""

_starting: Final[set[asyncio.Task[None]]] = set()


def open_at_start() -> None:
    """Begins to open what the services of this app need, in the background.

    Without a running event loop (when a test or a tool lists the functions) it opens nothing: the first calls do.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    services = settings().ssak8_services & WITH_DATA
    if not services:
        return
    keep_time_formats()
    containers = [container for service, container in CONTAINERS.items() if service in services]
    if settings().callers_are_known:
        containers.append(ACCESS_RECORDS)
    stores.database().open_at_start(containers)
    if Service.CUSTOMER in services:
        interface.privacy_policy()  # reads files, and fails at once if the package has none
        customer_app.kakao_client().open_at_start()
        customer_app.event_publisher().open_at_start()
    _starting.add(asyncio.create_task(_start(services)))


async def _start(services: frozenset[Service]) -> None:
    await stores.database().opened()
    if Service.CUSTOMER in services:
        await asyncio.gather(customer_app.kakao_client().opened(), customer_app.event_publisher().opened())
    spare_long_lived_objects()


async def opened() -> None:
    """Returns once everything is open that `open_at_start` began, or could not be opened in time."""
    if _starting:
        await asyncio.wait(_starting)
