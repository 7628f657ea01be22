"""Reading requests: bodies, ids and headers. A refusal says which of them is wrong, and why."""

import re
from collections.abc import Sequence
from email.message import Message
from typing import Final

import azure.functions as func
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from shared.domain.errors import NotFound
from shared.domain.identifiers import CustomerId, parse_customer_id
from shared.domain.kakao_message import MessageId, parse_message_id
from shared.http.problems import InvalidField, Problem
from shared.use_cases.cancelling import Precondition
from shared.use_cases.deadline import RETRY, TIME_LEFT

JSON: Final = "application/json"
MERGE_PATCH: Final = "application/merge-patch+json"
"""RFC 7396. A body of this type is read like any other JSON: what it changes is in the model."""

LARGEST_BODY = 16 * 1024
"""Bytes."""

_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_ENTITY_TAG = re.compile(r'"([1-9][0-9]{0,8})"')

# RFC 9651 §3.3.6.
_BOOLEANS = {"?0": False, "?1": True}

_ORIGIN = re.compile(r"^[a-z]+://[^/]*")
_SECONDS = re.compile(r"-?[0-9]{1,4}(\.[0-9]{1,6})?", re.ASCII)


def read_json[Model: BaseModel](
    request: func.HttpRequest, model: type[Model], media_types: Sequence[str] = (JSON,)
) -> Model:
    """The body as `model`. Raises Problem: 415, 413, 400 (unreadable) or 422 (invalid values)."""
    _check_media_type(request.headers.get("content-type", ""), media_types)
    _check_encoding(request.headers.get("content-encoding", ""))
    body = request.get_body()
    if len(body) > LARGEST_BODY:
        raise Problem(413, "too-large", "Body too large", f"The body may have at most {LARGEST_BODY} bytes.")
    try:
        # Only the names of the interface: a model would also accept those of its Python attributes.
        return model.model_validate_json(body, by_alias=True, by_name=False)
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


def _check_media_type(content_type: str, allowed: Sequence[str]) -> None:
    if content_type == JSON:
        return
    message = Message()
    message["Content-Type"] = content_type.encode("ascii", "replace").decode()
    charset = str(message.get_param("charset", "utf-8")).lower()
    media_type = content_type.split(";", maxsplit=1)[0].strip().lower()
    if media_type not in allowed or charset not in ("utf-8", "utf8"):
        detail = f"The body must be {' or '.join(allowed)} in UTF-8."
        # RFC 5789 §2.2.
        headers = {"Accept-Patch": ", ".join(allowed)} if MERGE_PATCH in allowed else {}
        raise Problem(415, "media-type", "Unsupported media type", detail, headers=headers)


def _check_encoding(content_encoding: str) -> None:
    """RFC 9110 §8.4: the header says how the body was compressed; §12.5.3: the answer says what is accepted."""
    if content_encoding.strip().lower() not in ("", "identity"):
        detail = "The body must not be compressed."
        raise Problem(415, "encoding", "Unsupported encoding", detail, headers={"Accept-Encoding": "identity"})


def _path(detail: ErrorDetails) -> str:
    return ".".join(str(part) for part in detail["loc"]) or "(body)"


def _reason(detail: ErrorDetails) -> str:
    # pydantic shows the choices of an enum as Python writes them: <MessageKind.NOTICE: 'notice'>.
    return re.sub(r"<\w+\.\w+: ('[^']*')>", r"\1", detail["msg"].removeprefix("Value error, "))


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


def may_be_repeated(request: func.HttpRequest) -> bool:
    """Whether the request may have an answer already: it has an Idempotency-Key."""
    return "idempotency-key" in request.headers


def time_left(request: func.HttpRequest) -> float | None:
    """The seconds for which a service that calls waits, or None if it does not say. Raises Problem 400."""
    header: str | None = request.headers.get(TIME_LEFT)
    if header is not None and not _SECONDS.fullmatch(header):
        raise Problem(400, "time-left", "Unusable time left", f"{TIME_LEFT} must be in seconds, such as 1.482.")
    return None if header is None else float(header)


def is_retry(request: func.HttpRequest) -> bool:
    """Whether the service that calls does so for a postponed registration. Raises Problem 400."""
    header: str = request.headers.get(RETRY, "?0")
    if header not in _BOOLEANS:
        raise Problem(400, "retry", "Unusable retry", f"{RETRY} must be ?1 or ?0.")
    return _BOOLEANS[header]


def precondition(request: func.HttpRequest) -> Precondition:
    """Whether If-Match and If-None-Match allow to change a version (RFC 9110 §13.1)."""
    header = request.headers.get("if-match")
    if header is None or header.strip() == "*":
        return lambda version: not is_unchanged(request, version)
    # Only strong tags match, and a tag that is not ours matches nothing.
    matches = (_ENTITY_TAG.fullmatch(tag.strip()) for tag in header.split(","))
    expected = frozenset(int(match[1]) for match in matches if match)
    return lambda version: version in expected and not is_unchanged(request, version)


def is_unchanged(request: func.HttpRequest, version: int) -> bool:
    """Whether If-None-Match names this version."""
    return names_entity_tag(request, f'"{version}"')


def names_entity_tag(request: func.HttpRequest, entity_tag: str) -> bool:
    """Whether If-None-Match names this strong tag (RFC 9110 §13.1.2), also as a weak one."""
    header = request.headers.get("if-none-match")
    if header is None:
        return False
    tags = [tag.strip().removeprefix("W/") for tag in header.split(",")]
    return "*" in tags or entity_tag in tags


def path_of(request: func.HttpRequest) -> str:
    """The path of the request, without host and query."""
    return _ORIGIN.sub("", request.url.partition("?")[0]) or "/"
