"""Reading what clients send about a customer."""

from collections.abc import Sequence

import azure.functions as func

from shared.domain.customer import refuse_too_young
from shared.domain.record import Record
from shared.http.requests import JSON, read_json


def read_details[Sent: Record](
    request: func.HttpRequest, model: type[Sent], minimum_age: int, media_types: Sequence[str] = (JSON,)
) -> Sent:
    """The body as `model`. Raises Problem as `read_json` does, and TooYoung once every value is known to be valid.

    This is where children are refused, before anything is stored or anybody is told, so that nothing has to be undone.
    """
    sent = read_json(request, model, media_types)
    refuse_too_young(sent, minimum_age)
    return sent
