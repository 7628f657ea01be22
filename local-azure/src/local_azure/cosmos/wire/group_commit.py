"""Commits the writes of a turn of the event loop together, and sends the responses after the commit."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable

from local_azure.cosmos.store.storage import Storage

_log = logging.getLogger(__name__)

type Send = Callable[[bytes], None]


class GroupCommit:
    """Delays every response while there are uncommitted writes, those of reads too: they may contain such a write."""

    def __init__(self, storage: Storage, loop: asyncio.AbstractEventLoop) -> None:
        self._storage = storage
        self._loop = loop
        self._held: list[tuple[Send, bytes]] = []
        self._scheduled = False

    def answer(self, send: Send, response: bytes) -> None:
        if not self._held and not self._storage.pending:
            send(response)
            return
        self._held.append((send, response))
        self.schedule()

    def schedule(self) -> None:
        """Commits at the end of this turn of the event loop."""
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self.commit)

    def commit(self) -> None:
        self._scheduled = False
        held, self._held = self._held, []
        try:
            if self._storage.pending:
                self._storage.commit()
        except sqlite3.Error:
            # The writes of this turn are lost, so no response may confirm them: the clients see a closed connection.
            _log.exception("the commit failed; %d requests get no response", len(held))
            for send, _ in held:
                send(b"")
            return
        for send, response in held:
            send(response)

    def roll_back(self) -> None:
        """After a database error during a request: undoes the whole turn, and answers none of its requests."""
        self._storage.rollback()
        held, self._held = self._held, []
        for send, _ in held:
            send(b"")
