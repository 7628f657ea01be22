"""All entities of a namespace."""

from __future__ import annotations

from datetime import timedelta

from local_azure.service_bus.broker.deadlines import Deadlines
from local_azure.service_bus.broker.destination import Destination, DestinationSettings, Route
from local_azure.service_bus.broker.environment import Environment
from local_azure.service_bus.broker.queue import MessageQueue, QueueSettings
from local_azure.service_bus.entities import (
    FOREVER,
    Namespace,
    QueueDefinition,
    QueueProperties,
    SubscriptionProperties,
    TopicDefinition,
    TopicProperties,
)
from local_azure.service_bus.errors import EntityNotFound, OperationNotAllowed
from local_azure.service_bus.filters import any_of
from local_azure.service_bus.limits import PRUNE_INTERVAL
from local_azure.service_bus.message import State
from local_azure.service_bus.store import Due, Store

DEAD_LETTER_SUFFIX = "/$DeadLetterQueue"


class Broker:
    """Looks entities up by path, case-insensitively."""

    def __init__(self, namespace: Namespace, store: Store, environment: Environment) -> None:
        self._store = store
        self._environment = environment
        self._queues: dict[str, MessageQueue] = {}
        self._destinations: dict[str, Destination] = {}
        self._by_number: dict[int, tuple[MessageQueue, Destination | None]] = {}
        self._deadlines = Deadlines(store, environment, self._on_due)
        for queue in namespace.queues:
            self._add_queue(queue)
        for topic in namespace.topics:
            self._add_topic(topic)
        self._prune_timer = environment.call_later(PRUNE_INTERVAL, self._prune)
        self._deadlines.check()

    def destination(self, path: str) -> Destination:
        """The queue or topic to send to. Raises EntityNotFound, OperationNotAllowed."""
        found = self._destinations.get(path.lower())
        if found is None:
            if path.lower() in self._queues:
                raise OperationNotAllowed(f"'{path}' only takes messages that its entity puts there")
            raise EntityNotFound(path)
        return found

    def queue(self, path: str) -> MessageQueue:
        """The queue, subscription or dead-letter queue to receive from. Raises EntityNotFound, OperationNotAllowed."""
        found = self._queues.get(path.lower())
        if found is None:
            if path.lower() in self._destinations:
                raise OperationNotAllowed(f"'{path}' is a topic: receive from one of its subscriptions")
            raise EntityNotFound(path)
        return found

    def require(self, path: str) -> None:
        """Raises EntityNotFound if there is no entity with this path."""
        if path.lower() not in self._destinations:
            self.queue(path)

    def _add_queue(self, definition: QueueDefinition) -> None:
        queue = self._receivable(definition.name, definition.properties)
        self._add_destination(queue, [Route(lambda _message: True, queue)], definition.properties)

    def _add_topic(self, definition: TopicDefinition) -> None:
        routes = []
        for each in definition.subscriptions:
            queue = self._receivable(f"{definition.name}/Subscriptions/{each.name}", each.properties)
            routes.append(Route(any_of(each.rules), queue))
        holder = MessageQueue(definition.name, QueueSettings(lock_duration=0), self._store, self._environment)
        self._add_destination(holder, routes, definition.properties)

    def _receivable(self, path: str, properties: QueueProperties | SubscriptionProperties) -> MessageQueue:
        lock_duration = _milliseconds(properties.lock_duration)
        letters = MessageQueue(path + DEAD_LETTER_SUFFIX, QueueSettings(lock_duration), self._store, self._environment)
        settings = QueueSettings(
            lock_duration,
            properties.max_delivery_count,
            _finite(properties.default_message_time_to_live),
            properties.dead_lettering_on_message_expiration,
        )
        queue = MessageQueue(path, settings, self._store, self._environment, letters)
        for each in (queue, letters):
            self._queues[each.path.lower()] = each
            self._by_number[each.number] = (each, None)
        return queue

    def _add_destination(
        self, holder: MessageQueue, routes: list[Route], properties: QueueProperties | TopicProperties
    ) -> None:
        window = _milliseconds(properties.duplicate_detection_history_time_window)
        settings = DestinationSettings(
            window if properties.requires_duplicate_detection else None,
            _finite(properties.default_message_time_to_live),
        )
        destination = Destination(holder, routes, settings, self._store, self._deadlines)
        self._destinations[holder.path.lower()] = destination
        self._by_number[holder.number] = (holder, destination)

    def _on_due(self, due: Due) -> None:
        queue, destination = self._by_number.get(due.queue, (None, None))
        if due.state is State.SCHEDULED and destination is not None:
            destination.enqueue_scheduled(due.sequence_number)
        elif queue is not None:
            queue.expire(due.sequence_number)

    def clock_moved(self) -> None:
        """To be called after the clock of the environment was moved: timers are set by the time that is left."""
        self._deadlines.clock_moved()

    def _prune(self) -> None:
        self._prune_timer = self._environment.call_later(PRUNE_INTERVAL, self._prune)
        self._store.forget_sent(self._environment.now())

    def close(self) -> None:
        """Stops the timers. The store can be closed afterwards."""
        self._prune_timer.cancel()
        self._deadlines.close()
        for queue, _ in self._by_number.values():
            queue.close()


def _milliseconds(duration: timedelta) -> int:
    return round(duration.total_seconds() * 1000)


def _finite(duration: timedelta) -> int | None:
    return None if duration >= FOREVER else _milliseconds(duration)
