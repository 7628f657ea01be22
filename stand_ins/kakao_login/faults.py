"""What goes wrong on demand: `PUT /stand-in/faults`, to see how a service copes. What is left out is right."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Call(StrEnum):
    """Calls of a service, which no person sees."""

    DISCOVERY = "discovery"
    KEYS = "keys"
    TOKEN = "token"  # noqa: S105 a word
    USER = "user"


class WrongToken(StrEnum):
    """How an id token is wrong."""

    NONCE = "wrong-nonce"
    NO_NONCE = "no-nonce"
    AUDIENCE = "wrong-audience"
    ISSUER = "wrong-issuer"
    EXPIRED = "expired"
    FUTURE = "from-the-future"
    SUBJECT = "wrong-subject"
    NO_SUBJECT = "no-subject"
    UNKNOWN_KEY = "unknown-key"
    FORGED = "forged"
    HS256 = "hs256"
    NONE = "none"
    GARBAGE = "garbage"
    MISSING = "missing"


class WrongBody(StrEnum):
    """How the body of an answer is wrong."""

    NOT_JSON = "not-json"
    NO_OBJECT = "no-object"
    TOO_LONG = "too-long"


class Faults(BaseModel):
    """`calls`: to which `slow_seconds`, `status` and `body` apply; without it, to all."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, extra="forbid", frozen=True)

    calls: frozenset[Call] = frozenset(Call)
    slow_seconds: Annotated[float, Field(ge=0, le=600)] = 0
    status: Annotated[int, Field(ge=400, le=599)] | None = None
    body: WrongBody | None = None
    id_token: WrongToken | None = None
    endpoints_elsewhere: bool = False
