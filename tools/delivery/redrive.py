"""Sends what was put aside, and dead letters, to the topic again; without an option it only shows them.

`python -m tools.delivery.redrive --environment prod`, or `--local` for the stack that runs on this machine
Exit code 0: done; 1: something could not be read, or Service Bus refused; 2: the environment or the stack is not known.

It never shows what a message holds. Every reader of the topic gets the event again, which changes nothing for those
that have handled it. A message that is not a customer event is never sent, nor is one that has expired: what is sent
expires when it would have, and a timer removes the others.
"""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

from azure.core.exceptions import AzureError
from azure.identity.aio import AzureCliCredential
from azure.servicebus import ServiceBusMessage, ServiceBusReceivedMessage, ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver
from azure.servicebus.exceptions import ServiceBusAuthenticationError, ServiceBusAuthorizationError
from pydantic import ValidationError

from local_azure.stack import NotRunningError, Stack
from shared.domain.events import CONTENT_TYPE, CustomerEvent
from shared.domain.forgetting import message_lifetime
from shared.domain.identifiers import utc_now
from shared.resources import EVENTS_SET_ASIDE, QUEUES, SUBSCRIPTION_LABELS, TOPIC
from tools.command_line import parser, show, show_error
from tools.delivery import outputs
from tools.delivery.azure_cli import AzureCliError
from tools.delivery.environments import Environment, environment_names
from tools.delivery.outputs import NotDeployedError
from tools.paths import ROOT

LOCAL_STATE: Final = ROOT / ".local-azure"
UNKNOWN: Final = 2  # exit code: the environment or the stack is not known
PAGE: Final = 100  # messages of one peek
AT_ONCE: Final = 20  # messages locked at a time: each takes some 50 ms over the internet, and a lock lasts a minute
WAIT_SECONDS: Final = 5  # for messages that were there a moment ago
STEP_SECONDS: Final = 60  # for any call of Service Bus: far beyond its answers


@dataclass(frozen=True)
class Source:
    """Where messages lie that were not handled: a queue, or (`dead`) the dead letters of a queue or a subscription."""

    entity: str
    dead: bool

    @property
    def name(self) -> str:
        return f"{self.entity}/dead-letters" if self.dead else self.entity

    def receiver(self, client: ServiceBusClient) -> ServiceBusReceiver:
        part = ServiceBusSubQueue.DEAD_LETTER if self.dead else None
        if self.entity in QUEUES:
            return client.get_queue_receiver(self.entity, sub_queue=part)
        return client.get_subscription_receiver(TOPIC, self.entity, sub_queue=part)


# Not what waits in the other queue: those attempts to register are no failures, and their time comes by itself.
SOURCES: Final = (
    Source(EVENTS_SET_ASIDE, dead=False),
    *(Source(queue, dead=True) for queue in QUEUES),
    *(Source(subscription, dead=True) for subscription in SUBSCRIPTION_LABELS),
)


@dataclass(frozen=True)
class Found:
    """A message without what it holds. `event`: None if it is not a customer event."""

    number: int
    event: CustomerEvent | None
    reason: str

    @classmethod
    def of(cls, message: ServiceBusReceivedMessage) -> "Found":
        try:
            event = CustomerEvent.model_validate_json(b"".join(message.body))
        except (ValidationError, TypeError):
            event = None
        reason = property_of(message, "reason") or message.dead_letter_reason or "unknown"
        return cls(message.sequence_number or 0, event, reason)

    @property
    def has_expired(self) -> bool:
        """Its customer may have to be forgotten."""
        return self.event is not None and self.event.expires_at <= utc_now()

    def __str__(self) -> str:
        what = f"{self.event.type} {self.event.id}" if self.event else "not a customer event"
        what += " (expired)" if self.has_expired else ""
        return f"  {self.number}  {what}: {self.reason}"


async def look(receiver: ServiceBusReceiver) -> list[Found]:
    """Everything that lies there, without locking it."""
    found: list[Found] = []
    while True:
        start = found[-1].number + 1 if found else 1
        async with asyncio.timeout(STEP_SECONDS):
            page = await receiver.peek_messages(PAGE, sequence_number=start)
        if not page:
            return found
        found += [Found.of(message) for message in page]


@dataclass(frozen=True)
class Redrive:
    """What to do with the messages of one source. `discard`: delete those that are not customer events."""

    client: ServiceBusClient
    send: bool
    discard: bool

    async def run(self, name: str, receiver: ServiceBusReceiver) -> int:
        """Returns how many messages are left of those that lay there at the beginning."""
        found = await look(receiver)
        if not found:
            return 0
        show(f"{name}: {len(found)}")
        for each in found:
            show(str(each))
        if not (self.send or self.discard):
            return len(found)
        done = await self._work_off(receiver, last=found[-1].number)
        show(f"{name}: {done} of {len(found)} sent or deleted")
        return len(found) - done

    async def _work_off(self, receiver: ServiceBusReceiver, last: int) -> int:
        """Up to the message `last`: what is put aside meanwhile is left for another time. Returns how many are gone."""
        done, left = 0, []
        async with self.client.get_topic_sender(TOPIC) as topic:
            while True:
                async with asyncio.timeout(STEP_SECONDS):
                    messages = await receiver.receive_messages(AT_ONCE, max_wait_time=WAIT_SECONDS)
                for message in messages:
                    found = Found.of(message)
                    event = found.event
                    is_new = (message.sequence_number or 0) > last
                    if is_new or found.has_expired or not (self.send if event else self.discard):
                        left.append(message)
                        continue
                    async with asyncio.timeout(STEP_SECONDS):
                        if event:
                            await topic.send_messages(copy_of(message, event))
                        await receiver.complete_message(message)
                    done += 1
                if not messages or any((message.sequence_number or 0) >= last for message in messages):
                    break
        for message in left:
            async with asyncio.timeout(STEP_SECONDS):
                await receiver.abandon_message(message)
        return done


def copy_of(message: ServiceBusReceivedMessage, event: CustomerEvent) -> ServiceBusMessage:
    """The event as event-publisher sent it, with a new message id: the topic drops ids that it has seen."""
    traceparent = property_of(message, "traceparent")
    return ServiceBusMessage(
        b"".join(message.body),
        message_id=f"{event.id}.{uuid4()}",
        subject=event.type,
        correlation_id=event.subject,
        content_type=CONTENT_TYPE,
        time_to_live=message_lifetime(event.expires_at, utc_now()),
        application_properties={"traceparent": traceparent} if traceparent else None,
    )


def property_of(message: ServiceBusReceivedMessage, name: str) -> str | None:
    value = (message.application_properties or {}).get(name.encode())
    return value.decode() if isinstance(value, bytes) else None


@asynccontextmanager
async def connected(environment: str | None, state: Path) -> AsyncIterator[ServiceBusClient]:
    """A client of the Service Bus of an environment, or of the local stack.

    Raises AzureCliError, NotDeployedError, NotRunningError.
    """
    if environment is None:
        async with ServiceBusClient.from_connection_string(Stack(state).connection_string("service_bus")) as client:
            yield client
        return
    namespace = outputs.read_all(Environment(environment))["SERVICE_BUS_NAMESPACE"]
    async with (
        AzureCliCredential() as credential,
        ServiceBusClient(f"{namespace}.servicebus.windows.net", credential) as client,
    ):
        yield client


async def run(options: argparse.Namespace) -> int:
    """Returns how many messages are left. Raises what `connected` raises, AzureError and TimeoutError."""
    left = 0
    async with connected(options.environment, options.state) as client:
        redrive = Redrive(client, options.send, options.discard_unreadable)
        for source in SOURCES:
            if options.source in (None, source.name):
                async with source.receiver(client) as receiver:
                    left += await redrive.run(source.name, receiver)
    return left


def _parser() -> argparse.ArgumentParser:
    command_line = parser("tools.delivery.redrive", __doc__)
    where = command_line.add_mutually_exclusive_group(required=True)
    where.add_argument("--environment", choices=environment_names(), help="on Azure, with your sign-in (az login)")
    where.add_argument("--local", action="store_true", help="the stack that `make run` started")
    command_line.add_argument(
        "--from", dest="source", choices=[source.name for source in SOURCES], help="only these (default: all)"
    )
    command_line.add_argument("--send", action="store_true", help="send the events to the topic again")
    command_line.add_argument("--discard-unreadable", action="store_true", help="delete what is not a customer event")
    command_line.add_argument("--state", type=Path, default=LOCAL_STATE, help="the folder of the local stack")
    return command_line


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        left = asyncio.run(run(options))
    except NotRunningError as error:
        show_error(f"{error}; start it: make run, or name an environment on Azure: ENV=prod")
        return UNKNOWN
    except (AzureCliError, NotDeployedError) as error:
        show_error(str(error))
        return UNKNOWN
    except (ServiceBusAuthenticationError, ServiceBusAuthorizationError):
        show("Service Bus refused: you need its role Data Owner; docs/operations.md says how to get it")
        return 1
    except (AzureError, TimeoutError) as error:
        show(f"Service Bus does not respond ({type(error).__name__}); what was sent is gone from there: run it again")
        return 1
    if not (options.send or options.discard_unreadable):
        show(f"{left} in all; nothing was changed. --send sends events again, --discard-unreadable deletes the others.")
        return 0
    show(f"{left} left.")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
