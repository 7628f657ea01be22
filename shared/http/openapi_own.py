"""What the OpenAPI document says about what is a customer's own."""

from typing import Any, Final

from shared.domain.kakao_message import MessageKind
from shared.http.own import PENDING

type Json = dict[str, Any]

MOMENT: Final[Json] = {"type": "string", "format": "date-time"}


def own_registration(view: Json, link: Json) -> Json:
    """The schema of a registration as its customer sees it. `view`: that of views; `link`: of a link."""
    of_registered = {
        name: view["properties"][name] for name in view["properties"] if name not in ("canceledAt", "_links")
    }
    links = dict.fromkeys(("self", "registration", "customer"), link)
    return {
        "type": "object",
        "description": "A customer, or a registration that is pending, and what KakaoTalk said about it.",
        "properties": {
            **of_registered,
            "status": {"type": "string", "enum": ["REGISTERED", PENDING]},
            "acceptedAt": {**MOMENT, "description": "Of one that is pending."},
            "expiresAt": {**MOMENT, "description": "Of one that is pending."},
            "messages": {"type": "array", "items": _message(), "description": "The oldest first."},
            "_links": {"type": "object", "properties": links, "required": ["self", "registration"]},
        },
        "required": ["id", "customerName", "customerAddress", "customerAge", "status", "messages", "_links"],
    }


def _message() -> Json:
    properties = {
        "kind": {"type": "string", "enum": list(MessageKind)},
        "status": {"type": "string", "enum": ["accepted", "sandboxed", "refused"]},
        "sentAt": MOMENT,
    }
    return {"type": "object", "properties": properties, "required": list(properties)}


def own_data() -> Json:
    """The schema of everything that is stored about a customer."""
    document = {
        "container": {"type": "string", "description": "Where it is kept."},
        "kind": {"type": "string", "description": "What it is, for example customer, event, message or view."},
        "content": {"type": "object", "description": "The document as it is stored."},
    }
    properties = {
        "owner": {"type": "string", "description": "By which what belongs to the customer is known."},
        "collectedAt": MOMENT,
        "documents": {
            "type": "array",
            "items": {"type": "object", "properties": document, "required": list(document)},
        },
    }
    return {
        "type": "object",
        "description": "Everything that is stored about a customer.",
        "properties": properties,
        "required": list(properties),
    }


def reading_own(operation: str, summary: str, description: str, content: Json) -> Json:
    """An operation without parameters: it is about the caller."""
    return {
        "operationId": operation,
        "summary": summary,
        "responses": {"200": {"description": description, "content": content}},
    }
