"""Idempotency keys, concurrency, repeated and disordered events, on the running system."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta

from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient

from shared.domain.customer import Customer, CustomerDetails
from shared.domain.events import CustomerEvent
from shared.domain.identifiers import CustomerId, new_uuid7
from shared.resources import CUSTOMER_VIEWS, CUSTOMERS, KAKAOS, TOPIC
from tests.end_to_end.house import YEON, House


async def test_the_same_key_replays_the_first_answer_even_after_a_restart_and_a_cancellation(house: House) -> None:
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    first = await house.call("POST", "/customers", json=YEON, headers=headers)
    again = await house.call("POST", "/customers", json=YEON, headers=headers)
    await asyncio.to_thread(house.stack.restart_service, "customer")
    await house.call("DELETE", f"/customers/{first.body['id']}")

    later = await house.call("POST", "/customers", json=YEON, headers=headers)

    assert (first.status, again.status, later.status) == (201, 201, 201)
    assert again.text == first.text == later.text
    assert again.headers["Location"] == first.headers["Location"]
    assert (await house.call("GET", f"/customers/{first.body['id']}")).status == 404


async def test_the_same_key_with_another_body_is_422(house: House) -> None:
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    for path in ("/customers", "/kakaos"):
        assert (await house.call("POST", path, json=YEON, headers=headers)).status == 201
        other = await house.call("POST", path, json={**YEON, "customerName": "other"}, headers=headers)
        assert other.status == 422


async def test_many_at_once_with_one_key_are_one_registration(house: House) -> None:
    headers = {"Idempotency-Key": str(uuid.uuid4())}

    answers = await asyncio.gather(*(house.call("POST", "/customers", json=YEON, headers=headers) for _ in range(20)))

    assert {answer.status for answer in answers} == {201}
    [customer_id] = {answer.body["id"] for answer in answers}
    types = sorted(document["type"] for document in await house.stored(CUSTOMERS, customer_id))
    assert types == ["customer", "event", "first-answer"]
    assert len(await house.stored(KAKAOS, customer_id)) == 1


async def test_of_many_cancellations_at_once_one_succeeds_and_one_event_exists(house: House) -> None:
    customer_id = await house.register()

    answers = await asyncio.gather(*(house.call("DELETE", f"/customers/{customer_id}") for _ in range(20)))

    assert sorted(answer.status for answer in answers) == [204] + [404] * 19
    documents = await house.stored(CUSTOMERS, customer_id)
    events = sorted(document["event"]["type"] for document in documents if document["type"] == "event")
    assert events == ["CustomerRegisterCanceled", "CustomerRegistered"]


async def test_if_match_guards_a_cancellation(house: House) -> None:
    customer_id = await house.register()

    stale = await house.call("DELETE", f"/customers/{customer_id}", headers={"If-Match": '"7"'})
    fresh = await house.call("DELETE", f"/customers/{customer_id}", headers={"If-Match": '"1"'})

    assert (stale.status, fresh.status) == (412, 204)


async def test_events_that_come_twice_and_in_the_wrong_order_change_nothing(house: House) -> None:
    now = datetime.now(UTC)
    details = CustomerDetails(customer_name="yeon", customer_address="incheon", customer_age=20)
    customer = Customer.register(CustomerId(new_uuid7()), details, now)
    registered = CustomerEvent.registered(new_uuid7(), customer)
    canceled = CustomerEvent.canceled(new_uuid7(), customer, now + timedelta(seconds=1))

    # A new message id each time: this must not depend on the topic's duplicate detection.
    for event in (canceled, registered, canceled, registered, canceled):
        await send(house, event, message_id=new_uuid7())
    await send(house, registered, message_id=registered.id)
    await send(house, registered, message_id=registered.id)

    await house.alerted(customer.customer_id)
    await house.view_says(customer.customer_id, "CANCELED")
    last = await house.register()
    await house.view_says(last, "REGISTERED")
    [view] = await house.stored(CUSTOMER_VIEWS, customer.customer_id)
    [message] = await house.stored(KAKAOS, customer.customer_id)
    assert (view["status"], view["version"], message["kind"]) == ("CANCELED", 2, "canceled")
    assert view["registeredAt"] < view["canceledAt"]


async def test_a_message_that_is_no_event_ends_in_the_dead_letter_queue_and_stops_nothing(house: House) -> None:
    async with connection(house) as client, client.get_topic_sender(TOPIC) as sender:
        await sender.send_messages(ServiceBusMessage(b'{"customerName": "secret-name"', message_id=new_uuid7()))

    customer_id = await house.register()
    await house.view_says(customer_id, "REGISTERED")

    async with (
        connection(house) as client,
        client.get_subscription_receiver(TOPIC, "view-updater", sub_queue="deadletter") as receiver,
    ):
        [dead] = await receiver.receive_messages(max_message_count=1, max_wait_time=15)
        await receiver.complete_message(dead)
    assert dead.dead_letter_reason == "MaxDeliveryCountExceeded"
    assert "secret-name" not in house.stack.log("customerview")


def connection(house: House) -> ServiceBusClient:
    return ServiceBusClient.from_connection_string(
        f"Endpoint=sb://127.0.0.1:{house.stack.port('service_bus')};SharedAccessKeyName=R;SharedAccessKey=local;"
        "UseDevelopmentEmulator=true;"
    )


async def send(house: House, event: CustomerEvent, message_id: str) -> None:
    message = ServiceBusMessage(event.model_dump_json(by_alias=True), message_id=message_id, subject=event.type)
    async with connection(house) as client, client.get_topic_sender(TOPIC) as sender:
        await sender.send_messages(message)
