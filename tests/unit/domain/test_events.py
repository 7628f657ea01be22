import json
from datetime import timedelta

import pytest

from shared.domain.customer import Customer
from shared.domain.events import CustomerEvent
from tests.unit.fakes import CUSTOMER_ID, START, WITH_PHONE, YEON

CUSTOMER = Customer.register(CUSTOMER_ID, WITH_PHONE, START)
LATER = START + timedelta(minutes=1)


def test_an_event_is_a_cloudevent_in_structured_json() -> None:
    written = json.loads(CustomerEvent.canceled("event 2", CUSTOMER, START).model_dump_json(by_alias=True))

    assert written == {
        "specversion": "1.0",
        "id": "event 2",
        "source": "/customers",
        "type": "CustomerRegisterCanceled",
        "subject": CUSTOMER.customer_id,
        "time": "2026-01-02T03:04:05.678Z",
        "expirytime": None,
        "datacontenttype": "application/json",
        "data": {
            "customerId": CUSTOMER.customer_id,
            "customerName": "yeon",
            "customerAddress": "incheon",
            "customerAge": 20,
            "customerPhone": "01023456789",
            "version": 2,
            "owner": None,
            "consent": None,
            "updatedAt": None,
        },
    }


def test_the_event_of_a_correction_has_its_time_as_later_ones_do() -> None:
    corrected = CUSTOMER.corrected(YEON, LATER)

    updated = CustomerEvent.updated("event 2", corrected)
    canceled = CustomerEvent.canceled("event 3", corrected, LATER)

    assert (updated.type, updated.time, updated.data.version) == ("CustomerUpdated", LATER, 2)
    assert (canceled.data.version, canceled.data.updated_at) == (3, LATER)


def test_a_customer_who_was_never_corrected_has_no_such_event() -> None:
    with pytest.raises(ValueError, match="never corrected"):
        CustomerEvent.updated("event 2", CUSTOMER)


def test_an_event_is_read_as_it_was_written() -> None:
    for event in (
        CustomerEvent.registered("event 1", CUSTOMER),
        CustomerEvent.updated("event 2", CUSTOMER.corrected(YEON, LATER)),
    ):
        assert CustomerEvent.model_validate_json(event.model_dump_json(by_alias=True)) == event


def test_an_event_from_before_customers_had_phone_numbers_is_read() -> None:
    event = CustomerEvent.canceled("event 2", Customer.register(CUSTOMER_ID, YEON, START), START)
    written = event.model_dump_json(by_alias=True, exclude_none=True)

    assert "customerPhone" not in written
    assert CustomerEvent.model_validate_json(written) == event
