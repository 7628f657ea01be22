"""The emulators of Cosmos DB and Service Bus alone, with what the product needs in them."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, Self

from local_azure.stack import Stack

type Emulator = Literal["cosmos", "service_bus"]


class Emulators:
    """Cosmos DB and Service Bus on free ports, without any app."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self.cosmos = stack.connection_string("cosmos")
        self.service_bus = stack.connection_string("service_bus")

    @classmethod
    @contextmanager
    def running(cls, settings_file: Path, state: Path) -> Iterator[Self]:
        """Starts them, and ends them afterwards. `state`: the folder for their data."""
        with Stack.start(settings_file, state, only=("cosmos", "service_bus")) as stack:
            yield cls(stack)

    def port(self, emulator: Emulator) -> int:
        return self._stack.port(emulator)

    async def stop(self, emulator: Emulator) -> None:
        """Ends one of them, as an outage would; its data stays."""
        await asyncio.to_thread(self._stack.stop_service, emulator)

    async def start(self, emulator: Emulator) -> None:
        """Starts it again on the same port."""
        await asyncio.to_thread(self._stack.start_service, emulator)
