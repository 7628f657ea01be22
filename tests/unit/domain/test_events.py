import json

from shared.domain.customer import Customer
from shared.domain.events import CustomerEvent
from tests.unit.fakes import CUSTOMER_ID, START, WITH_PHONE, YEON

CUSTOMER = Customer.register(CUSTOMER_ID, WITH_PHONE, START)


def test_an_event_is_a_cloudevent_in_structured_json() -> None:
    written = json.loads(CustomerEvent.canceled("event 2", CUSTOMER, START).model_dump_json(by_alias=True))

    assert written == {
        "specversion": "1.0",
        "id": "event 2",
        "source": "/customers",
        "type": "CustomerRegisterCanceled",
        "subject": CUSTOMER.customer_id,
        "time": "2026-01-02T03:04:05.678Z",
        "datacontenttype": "application/json",
        "data": {
            "customerId": CUSTOMER.customer_id,
            "customerName": "yeon",
            "customerAddress": "incheon",
            "customerAge": 20,
            "customerPhone": "01023456789",
            "version": 2,
        },
    }


def test_an_event_is_read_as_it_was_written() -> None:
    event = CustomerEvent.registered("event 1", CUSTOMER)

    assert CustomerEvent.model_validate_json(event.model_dump_json(by_alias=True)) == event


def test_an_event_from_before_customers_had_phone_numbers_is_read() -> None:
    event = CustomerEvent.canceled("event 2", Customer.register(CUSTOMER_ID, YEON, START), START)
    written = event.model_dump_json(by_alias=True, exclude_none=True)

    assert "customerPhone" not in written
    assert CustomerEvent.model_validate_json(written) == event
