"""Answers after the commit: all that one turn of the event loop writes is committed once, then answered."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable

from local_azure.cosmos.store.storage import Storage

_log = logging.getLogger(__name__)

type Send = Callable[[bytes], None]


class GroupCommit:
    """Holds back every answer made while something is uncommitted, reads included: they may have seen it."""

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
        """Commits what is written, at the end of this turn of the loop."""
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
            # Nothing of this turn is kept, so nobody may be told that it was: the clients see a broken connection.
            _log.exception("the commit failed; %d requests go unanswered", len(held))
            for send, _ in held:
                send(b"")
            return
        for send, response in held:
            send(response)

    def roll_back(self) -> None:
        """After a database error in the middle of a request: takes back the whole turn and answers none of it."""
        self._storage.rollback()
        held, self._held = self._held, []
        for send, _ in held:
            send(b"")
