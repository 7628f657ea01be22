"""The messages of a queue that can be delivered. Only the first ones are in memory."""

import heapq

from local_azure.service_bus.limits import MAX_READY, READY_WINDOW
from local_azure.service_bus.message import Message


class ReadyMessages:
    """Ordered by sequence number. Messages from `unread_from` on are only in the store; None: all are in memory."""

    def __init__(self) -> None:
        self.unread_from: int | None = 0
        self._messages: dict[int, Message] = {}
        self._order: list[int] = []

    def __len__(self) -> int:
        return len(self._messages)

    def add(self, message: Message) -> None:
        """Adds a message, unless its sequence number is in the range that is only in the store."""
        number = message.sequence_number
        if self.unread_from is not None and number >= self.unread_from:
            return
        if number not in self._messages:
            self._messages[number] = message
            heapq.heappush(self._order, number)
            if len(self._messages) > MAX_READY:
                self._keep_first()

    def _keep_first(self) -> None:
        order = sorted(self._messages)
        self.unread_from = order[READY_WINDOW]
        self._order = order[:READY_WINDOW]
        self._messages = {number: self._messages[number] for number in self._order}

    def extend(self, messages: list[Message], unread_from: int | None) -> None:
        """Adds the messages up to `unread_from`, read from the store."""
        self.unread_from = unread_from
        for message in messages:
            self.add(message)

    def take(self) -> Message | None:
        """Removes and returns the first message in memory."""
        while self._order:
            message = self._messages.pop(heapq.heappop(self._order), None)
            if message is not None:
                return message
        return None

    def remove(self, sequence_number: int) -> Message | None:
        return self._messages.pop(sequence_number, None)
