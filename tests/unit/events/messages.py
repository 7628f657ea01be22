"""Messages as the functions host hands them to a function."""

from datetime import datetime

import azure.functions as func
from azure.functions.servicebus import ServiceBusMessage

from shared.domain.events import CONTENT_TYPE, CustomerEvent

ENQUEUED = datetime(2026, 1, 2, 3, 4, 5)  # noqa: DTZ001  # the host's times have no zone


def message(body: str | bytes, number: int = 1, message_id: str = "m", **properties: object) -> func.ServiceBusMessage:
    """A message with any body. `number`: its sequence number."""
    return ServiceBusMessage(
        body=body.encode() if isinstance(body, str) else body,
        message_id=message_id,
        sequence_number=number,
        delivery_count=1,
        enqueued_time_utc=ENQUEUED,
        application_properties=dict(properties),
        user_properties={},
    )


def event_message(event: CustomerEvent, number: int = 1, **properties: object) -> func.ServiceBusMessage:
    """The message of an event, as event-publisher sends it."""
    return ServiceBusMessage(
        body=event.model_dump_json(by_alias=True).encode(),
        message_id=event.id,
        subject=event.type,
        correlation_id=event.subject,
        content_type=CONTENT_TYPE,
        sequence_number=number,
        delivery_count=1,
        enqueued_time_utc=ENQUEUED,
        application_properties=dict(properties),
        user_properties={},
    )
