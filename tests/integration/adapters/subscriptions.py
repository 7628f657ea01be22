"""Receiving from the subscriptions, which all tests of a process share."""

from azure.servicebus import ServiceBusReceivedMessage, ServiceBusReceiveMode, ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusClient

from shared.resources import KAKAO_ALERT, TOPIC, VIEW_UPDATER
from shared.settings import Settings
from tools.play.emulators import Emulators


def settings_for(connection_string: str) -> Settings:
    """Of an app that has only Service Bus: nothing answers at its database and at kakao."""
    return Settings.model_validate(
        {
            "cosmos_connection": "AccountEndpoint=http://127.0.0.1:1/;AccountKey=a;",
            "service_bus_connection": connection_string,
            "service_bus_timeout_seconds": 3,
            "kakao_api_url": "http://127.0.0.1:1",
        }
    )


async def drained(
    emulators: Emulators, subscription: str, wait_seconds: float = 0.5, part: ServiceBusSubQueue | None = None
) -> list[ServiceBusReceivedMessage]:
    """Every message of the subscription, or of this part of it, which is empty afterwards."""
    messages: list[ServiceBusReceivedMessage] = []
    async with (
        ServiceBusClient.from_connection_string(emulators.service_bus) as client,
        client.get_subscription_receiver(
            TOPIC, subscription, sub_queue=part, receive_mode=ServiceBusReceiveMode.RECEIVE_AND_DELETE
        ) as receiver,
    ):
        while more := await receiver.receive_messages(1000, max_wait_time=wait_seconds):
            messages += more
    return messages


async def empty_subscriptions(emulators: Emulators) -> None:
    """Deletes what other tests left, dead letters too. It need not be readable as an event."""
    for subscription in (VIEW_UPDATER, KAKAO_ALERT):
        for part in (None, ServiceBusSubQueue.DEAD_LETTER):
            await drained(emulators, subscription, wait_seconds=0.1, part=part)
