import logging

import pytest

from shared.domain.access_record import Access, AccessRecord, Action, Reason, Target
from shared.domain.errors import StoreUnavailable
from shared.domain.identifiers import CustomerId
from shared.use_cases.recording import RecordAccess, Visitor
from tests.unit.fakes import CUSTOMER_ID, FakeAccessRecords, Ticks

OTHER_ID = CustomerId("0189ee3e-0000-7000-8000-000000000001")
VISITOR = Visitor("11111111-2222-4333-8444-555555555555", "203.0.113.7")


def recording(records: FakeAccessRecords, counted: list[AccessRecord]) -> RecordAccess:
    ticks = Ticks()
    return RecordAccess(records, ticks.now, ticks.new_id, counted.append)


async def test_a_record_says_who_saw_whose_data_when_from_where_and_why() -> None:
    records, counted = FakeAccessRecords(), list[AccessRecord]()

    await recording(records, counted)(Access(Action.REVEAL, Target.MESSAGE, [CUSTOMER_ID], Reason.INCIDENT), VISITOR)

    [record] = records.records
    assert counted == [record]
    assert record.to_json_object() == {
        "id": record.id,
        "operatorId": VISITOR.operator_id,
        "at": "2026-01-02T03:04:07.678Z",
        "address": "203.0.113.7",
        "action": "reveal",
        "target": "kakao",
        "customerIds": [CUSTOMER_ID],
        "reason": "incident",
    }


async def test_a_customer_with_several_items_of_a_list_is_named_once() -> None:
    records = FakeAccessRecords()
    access = Access(Action.LIST, Target.MESSAGE, [OTHER_ID, CUSTOMER_ID, OTHER_ID])

    await recording(records, [])(access, VISITOR)

    assert records.records[0].customer_ids == (OTHER_ID, CUSTOMER_ID)


async def test_what_could_not_be_recorded_raises_and_is_not_counted() -> None:
    counted: list[AccessRecord] = []

    with pytest.raises(StoreUnavailable):
        await recording(FakeAccessRecords(is_away=True), counted)(
            Access(Action.READ, Target.CUSTOMER, [CUSTOMER_ID]), VISITOR
        )

    assert counted == []


async def test_the_log_names_the_record_and_neither_operator_nor_customer(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    records = FakeAccessRecords()

    await recording(records, [])(Access(Action.LIST, Target.CUSTOMER, [CUSTOMER_ID, OTHER_ID]), VISITOR)

    assert caplog.messages == [f"access record {records.records[0].id}: list customer, customers: 2"]
