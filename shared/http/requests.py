"""Reading requests: bodies, ids and headers. A refusal says which of them is wrong, and why."""

import re
from email.message import Message

import azure.functions as func
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from shared.domain.errors import NotFound
from shared.domain.identifiers import CustomerId, parse_customer_id
from shared.domain.kakao_message import MessageId, parse_message_id
from shared.http.problems import InvalidField, Problem

LARGEST_BODY = 16 * 1024
"""Bytes."""

_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_ENTITY_TAG = re.compile(r'"([0-9]{1,9})"')


def read_json[Model: BaseModel](request: func.HttpRequest, model: type[Model]) -> Model:
    """The body as `model`. Raises Problem: 415, 413, 400 (unreadable) or 422 (invalid values)."""
    _check_media_type(request.headers.get("content-type", ""))
    body = request.get_body()
    if len(body) > LARGEST_BODY:
        raise Problem(413, "too-large", "Body too large", f"The body may have at most {LARGEST_BODY} bytes.")
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=True, include_input=False)
        if details[0]["type"] == "json_invalid":
            raise Problem(400, "unreadable", "Unreadable JSON", "The body is not JSON in UTF-8.") from None
        raise Problem(
            422,
            "invalid-values",
            "Invalid values",
            "Some values are missing or not allowed; see errors.",
            errors=[InvalidField(_path(detail), _reason(detail)) for detail in details],
        ) from None


def _check_media_type(content_type: str) -> None:
    if content_type == "application/json":
        return
    message = Message()
    message["Content-Type"] = content_type.encode("ascii", "replace").decode()
    charset = str(message.get_param("charset", "utf-8")).lower()
    media_type = content_type.split(";", maxsplit=1)[0].strip().lower()
    if media_type != "application/json" or charset not in ("utf-8", "utf8"):
        raise Problem(415, "media-type", "Unsupported media type", "The body must be application/json in UTF-8.")


def _path(detail: ErrorDetails) -> str:
    return ".".join(str(part) for part in detail["loc"]) or "(body)"


def _reason(detail: ErrorDetails) -> str:
    return detail["msg"].removeprefix("Value error, ")


def customer_id(request: func.HttpRequest) -> CustomerId:
    """The customer id in the path. Raises NotFound for a text that cannot be one."""
    if (parsed := parse_customer_id(request.route_params["id"])) is None:
        raise NotFound("There is no customer with this id.")
    return parsed


def message_id(request: func.HttpRequest) -> MessageId:
    """The message id in the path. Raises NotFound for a text that cannot be one."""
    if (parsed := parse_message_id(request.route_params["id"])) is None:
        raise NotFound("There is no message with this id.")
    return parsed


def idempotency_key(request: func.HttpRequest) -> str | None:
    """The Idempotency-Key, or None without one. Raises Problem 400."""
    key: str | None = request.headers.get("idempotency-key")
    if key is not None and not _IDEMPOTENCY_KEY.fullmatch(key):
        detail = "Idempotency-Key must be 1 to 255 visible ASCII characters without spaces."
        raise Problem(400, "idempotency-key", "Unusable Idempotency-Key", detail)
    return key


def expected_versions(request: func.HttpRequest) -> frozenset[int] | None:
    """The versions that If-Match allows (RFC 9110 §13.1.1); None allows any. A tag that is not ours matches none."""
    header = request.headers.get("if-match")
    if header is None or header.strip() == "*":
        return None
    matches = (_ENTITY_TAG.fullmatch(tag.strip()) for tag in header.split(","))
    return frozenset(int(match[1]) for match in matches if match)


def path_of(request: func.HttpRequest) -> str:
    """The path of the request, without host and query."""
    return re.sub(r"^[a-z]+://[^/]*", "", request.url.partition("?")[0]) or "/"
