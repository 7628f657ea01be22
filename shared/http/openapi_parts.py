"""What many operations of the OpenAPI document are made of: references, parameters, content, and problems."""

from collections.abc import Mapping
from typing import Any, Final

from shared.http import hal, problems
from shared.http.openapi_access import REFUSALS

type Json = dict[str, Any]

SCHEMAS: Final = "#/components/schemas/{model}"
PROBLEMS: Final[Mapping[str, str]] = {
    **REFUSALS,
    "400": "The request is not readable.",
    "404": "There is no such resource.",
    "409": "The resource already exists, or it is too late.",
    "410": "The registration that the Idempotency-Key belongs to has expired or was withdrawn.",
    "412": "The resource has changed since it was read.",
    "413": "The body is too large.",
    "415": "The body is of a type that is not listed, or not in UTF-8.",
    "422": "Values are missing or not allowed, or the Idempotency-Key was used with another request.",
    "429": "The KakaoTalk provider takes no more for now; nothing was sent. Retry-After says when to try again.",
    "503": "A service that is needed does not respond. Retry-After says when to try again.",
}


def parameter(name: str, place: str, schema: Json) -> Json:
    return {"name": name, "in": place, "schema": schema}


def content_of(resource: str) -> Json:
    """Of a response that shows the resource, as HAL."""
    return {hal.MEDIA_TYPE: {"schema": {"$ref": SCHEMAS.format(model=resource)}}}


def problem_responses(*statuses: str) -> Json:
    """The responses that refuse a request, by status."""
    content = {problems.MEDIA_TYPE: {"schema": {"$ref": SCHEMAS.format(model="Problem")}}}
    return {status: {"description": PROBLEMS[status], "content": content} for status in statuses}
