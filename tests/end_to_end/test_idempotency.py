"""Idempotency keys, concurrent calls, and repeated and reordered events, on the running system."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta

from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient

from shared.domain.customer import Customer, CustomerDetails
from shared.domain.events import CustomerEvent, EventType
from shared.domain.identifiers import CustomerId, new_uuid7
from shared.resources import CUSTOMER_VIEWS, CUSTOMERS, EVENTS_SET_ASIDE, KAKAO_ALERT, KAKAOS, TOPIC
from tools.play.local_system import LocalSystem
from tools.play.system import YEON


async def test_the_same_key_replays_the_first_response_even_after_restart_and_cancellation(system: LocalSystem) -> None:
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    first = await system.call("POST", "/customers", json=YEON, headers=headers)
    again = await system.call("POST", "/customers", json=YEON, headers=headers)
    await asyncio.to_thread(system.stack.restart_service, "customer")
    await system.call("DELETE", f"/customers/{first.body['id']}")

    later = await system.call("POST", "/customers", json=YEON, headers=headers)

    assert (first.status, again.status, later.status) == (201, 201, 201)
    assert again.text == first.text == later.text
    assert again.headers["Location"] == first.headers["Location"]
    assert (await system.call("GET", f"/customers/{first.body['id']}")).status == 404


async def test_the_same_key_with_another_body_is_422(system: LocalSystem) -> None:
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    for path in ("/customers", "/kakaos"):
        assert (await system.call("POST", path, json=YEON, headers=headers)).status == 201
        other = await system.call("POST", path, json={**YEON, "customerName": "other"}, headers=headers)
        assert other.status == 422


async def test_many_concurrent_calls_with_one_key_are_one_registration(system: LocalSystem) -> None:
    headers = {"Idempotency-Key": str(uuid.uuid4())}

    calls = (system.call("POST", "/customers", json=YEON, headers=headers) for _ in range(20))
    responses = await asyncio.gather(*calls)

    assert {response.status for response in responses} == {201}
    [customer_id] = {response.body["id"] for response in responses}
    types = sorted(document["type"] for document in await system.stored(CUSTOMERS, customer_id))
    assert types == ["customer", "event", "registration"]
    assert len(await system.stored(KAKAOS, customer_id)) == 1


async def test_of_many_concurrent_cancellations_one_succeeds_and_one_event_exists(system: LocalSystem) -> None:
    customer_id = await system.register()

    responses = await asyncio.gather(*(system.call("DELETE", f"/customers/{customer_id}") for _ in range(20)))

    assert sorted(response.status for response in responses) == [204] + [404] * 19
    documents = await system.stored(CUSTOMERS, customer_id)
    events = sorted(document["event"]["type"] for document in documents if document["type"] == "event")
    assert events == ["CustomerRegisterCanceled", "CustomerRegistered"]


async def test_if_match_guards_a_cancellation(system: LocalSystem) -> None:
    customer_id = await system.register()

    stale = await system.call("DELETE", f"/customers/{customer_id}", headers={"If-Match": '"7"'})
    fresh = await system.call("DELETE", f"/customers/{customer_id}", headers={"If-Match": '"1"'})

    assert (stale.status, fresh.status) == (412, 204)


async def test_repeated_and_reordered_events_change_nothing(system: LocalSystem) -> None:
    now = datetime.now(UTC)
    details = CustomerDetails(customer_name="yeon", customer_address="incheon", customer_age=20)
    customer = Customer.register(CustomerId(new_uuid7()), details, now)
    registered = CustomerEvent.registered(new_uuid7(), customer)
    canceled = CustomerEvent.canceled(new_uuid7(), customer, now + timedelta(seconds=1))

    # A new message id each time, so that the topic's duplicate detection does not interfere.
    for event in (canceled, registered, canceled, registered, canceled):
        await send(system, event, message_id=new_uuid7())
    await send(system, registered, message_id=registered.id)
    await send(system, registered, message_id=registered.id)

    await system.wait_for_alert(customer.customer_id)
    await system.wait_for_view(customer.customer_id, "CANCELED")
    last = await system.register()
    await system.wait_for_view(last, "REGISTERED")
    [view] = await system.stored(CUSTOMER_VIEWS, customer.customer_id)
    [message] = await system.stored(KAKAOS, customer.customer_id)
    assert (view["status"], view["version"], message["kind"]) == ("CANCELED", 2, "canceled")
    assert view["registeredAt"] < view["canceledAt"]


async def test_a_message_that_is_not_an_event_is_put_aside_or_becomes_a_dead_letter_and_stops_nothing(
    system: LocalSystem,
) -> None:
    body, label = b'{"customerName": "secret-name"', EventType.CANCELED.value
    async with connection(system) as client, client.get_topic_sender(TOPIC) as sender:
        await sender.send_messages(ServiceBusMessage(body, message_id=new_uuid7(), subject=label))

    customer_id = await system.register()
    await system.wait_for_view(customer_id, "REGISTERED")
    assert (await system.call("DELETE", f"/customers/{customer_id}")).status == 204
    await system.wait_for_view(customer_id, "CANCELED")

    async with (
        connection(system) as client,
        client.get_subscription_receiver(TOPIC, KAKAO_ALERT, sub_queue="deadletter") as dead_letters,
        client.get_queue_receiver(EVENTS_SET_ASIDE) as set_aside,
    ):
        [dead] = await dead_letters.receive_messages(max_message_count=1, max_wait_time=15)
        [aside] = await set_aside.receive_messages(max_message_count=1, max_wait_time=15)
        await dead_letters.complete_message(dead)
        await set_aside.complete_message(aside)
    assert dead.dead_letter_reason == "MaxDeliveryCountExceeded"
    assert b"".join(aside.body) == b"".join(dead.body) == body
    assert "secret-name" not in system.stack.log("customerview") + system.stack.log("kakao")


def connection(system: LocalSystem) -> ServiceBusClient:
    return ServiceBusClient.from_connection_string(system.stack.connection_string("service_bus"))


async def send(system: LocalSystem, event: CustomerEvent, message_id: str) -> None:
    message = ServiceBusMessage(event.model_dump_json(by_alias=True), message_id=message_id, subject=event.type)
    async with connection(system) as client, client.get_topic_sender(TOPIC) as sender:
        await sender.send_messages(message)
