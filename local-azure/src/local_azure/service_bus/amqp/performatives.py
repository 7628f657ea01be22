"""The frames of AMQP 1.0: performatives (§2.7) and SASL (§5.3.3), and their encoding as described lists.

Each field is annotated with its AMQP type: decoding accepts and encoding writes only that.
"""

from dataclasses import dataclass, fields
from typing import Annotated, Any, NamedTuple, get_type_hints

from local_azure.service_bus.amqp.decode import decode_value
from local_azure.service_bus.amqp.encode import NULL, encode_list, encode_value
from local_azure.service_bus.amqp.errors import AmqpError, DecodeError
from local_azure.service_bus.amqp.types import Array, Described, Symbol, UByte, UInt, ULong, UShort

UINT_MAX = 2**32 - 1


class _Required:
    """Marks a field without a default."""


_UInt = Annotated[int, UInt]
_OptionalUInt = Annotated[int | None, UInt]
_RequiredUInt = Annotated[int, UInt, _Required]
_UShort = Annotated[int, UShort]
_OptionalUShort = Annotated[int | None, UShort]
_UByte = Annotated[int, UByte]
_OptionalUByte = Annotated[int | None, UByte]
_Boolean = Annotated[bool, bool]
_OptionalBoolean = Annotated[bool | None, bool]
_RequiredBoolean = Annotated[bool, bool, _Required]
_OptionalString = Annotated[str | None, str]
_RequiredString = Annotated[str, str, _Required]
_OptionalBinary = Annotated[bytes | None, bytes]
_Fields = Annotated[dict[Any, Any] | None, dict]
_Symbols = Annotated[Any, Array]
_Described = Annotated[Any, Described]


@dataclass(slots=True)
class Open:
    container_id: _RequiredString = ""
    hostname: _OptionalString = None
    max_frame_size: _UInt = UINT_MAX
    channel_max: _UShort = 65535
    idle_time_out: _OptionalUInt = None
    outgoing_locales: _Symbols = None
    incoming_locales: _Symbols = None
    offered_capabilities: _Symbols = None
    desired_capabilities: _Symbols = None
    properties: _Fields = None


@dataclass(slots=True)
class Begin:
    remote_channel: _OptionalUShort = None
    next_outgoing_id: _RequiredUInt = 0
    incoming_window: _RequiredUInt = 0
    outgoing_window: _RequiredUInt = 0
    handle_max: _UInt = UINT_MAX
    offered_capabilities: _Symbols = None
    desired_capabilities: _Symbols = None
    properties: _Fields = None


@dataclass(slots=True)
class Attach:
    """`role` is True where the sender of the frame receives messages on the link."""

    name: _RequiredString = ""
    handle: _RequiredUInt = 0
    role: _RequiredBoolean = False
    snd_settle_mode: _UByte = 2
    rcv_settle_mode: _UByte = 0
    source: _Described = None
    target: _Described = None
    unsettled: _Fields = None
    incomplete_unsettled: _Boolean = False
    initial_delivery_count: _OptionalUInt = None
    max_message_size: Annotated[int | None, ULong] = None
    offered_capabilities: _Symbols = None
    desired_capabilities: _Symbols = None
    properties: _Fields = None


@dataclass(slots=True)
class Flow:
    next_incoming_id: _OptionalUInt = None
    incoming_window: _RequiredUInt = 0
    next_outgoing_id: _RequiredUInt = 0
    outgoing_window: _RequiredUInt = 0
    handle: _OptionalUInt = None
    delivery_count: _OptionalUInt = None
    link_credit: _OptionalUInt = None
    available: _OptionalUInt = None
    drain: _Boolean = False
    echo: _Boolean = False
    properties: _Fields = None


@dataclass(slots=True)
class Transfer:
    handle: _RequiredUInt = 0
    delivery_id: _OptionalUInt = None
    delivery_tag: _OptionalBinary = None
    message_format: _OptionalUInt = None
    settled: _OptionalBoolean = None
    more: _Boolean = False
    rcv_settle_mode: _OptionalUByte = None
    state: _Described = None
    resume: _Boolean = False
    aborted: _Boolean = False
    batchable: _Boolean = False


@dataclass(slots=True)
class Disposition:
    """`role` is True where the sender of the frame is the receiver of the deliveries `first` to `last`."""

    role: _RequiredBoolean = False
    first: _RequiredUInt = 0
    last: _OptionalUInt = None
    settled: _Boolean = False
    state: _Described = None
    batchable: _Boolean = False


@dataclass(slots=True)
class Detach:
    handle: _RequiredUInt = 0
    closed: _Boolean = False
    error: _Described = None


@dataclass(slots=True)
class End:
    error: _Described = None


@dataclass(slots=True)
class Close:
    error: _Described = None


@dataclass(slots=True)
class SaslMechanisms:
    mechanisms: Annotated[Any, Array, _Required] = None


@dataclass(slots=True)
class SaslInit:
    mechanism: Annotated[str, Symbol, _Required] = ""
    initial_response: _OptionalBinary = None
    hostname: _OptionalString = None


@dataclass(slots=True)
class SaslOutcome:
    code: Annotated[int, UByte, _Required] = 0
    additional_data: _OptionalBinary = None


type Sasl = SaslMechanisms | SaslInit | SaslOutcome
type Performative = Open | Begin | Attach | Flow | Transfer | Disposition | Detach | End | Close | Sasl

CODES: dict[type, int] = {
    Open: 0x10,
    Begin: 0x11,
    Attach: 0x12,
    Flow: 0x13,
    Transfer: 0x14,
    Disposition: 0x15,
    Detach: 0x16,
    End: 0x17,
    Close: 0x18,
    SaslMechanisms: 0x40,
    SaslInit: 0x41,
    SaslOutcome: 0x44,
}


class _Field(NamedTuple):
    name: str
    encode_as: type
    accepts: type | tuple[type, ...]
    default: Any
    required: bool


def _layout(performative: type) -> tuple[_Field, ...]:
    hints = get_type_hints(performative, include_extras=True)
    layout = []
    for each in fields(performative):
        kind, *marks = hints[each.name].__metadata__
        accepts = _DECODED_AS.get(kind, kind)
        layout.append(_Field(each.name, kind, accepts, each.default, _Required in marks))
    return tuple(layout)


_DECODED_AS: dict[type, type | tuple[type, ...]] = {
    UInt: int,
    UShort: int,
    UByte: int,
    ULong: int,
    Array: (list, Symbol),  # a single value may stand for a list of one (§1.4)
}
_LAYOUTS = {performative: _layout(performative) for performative in CODES}
_BY_CODE = {code: (performative, _LAYOUTS[performative]) for performative, code in CODES.items()}


def encode_performative(performative: Performative) -> bytes:
    """The described list without trailing null fields."""
    layout = _LAYOUTS[type(performative)]
    items = []
    for each in layout:
        value = getattr(performative, each.name)
        if value is None:
            items.append(NULL)
        else:
            items.append(encode_value(value if each.encode_as in _AS_THEY_ARE else each.encode_as(value)))
    while items and items[-1] == NULL:
        items.pop()
    return bytes((0x00, 0x53, CODES[type(performative)])) + encode_list(items)


_AS_THEY_ARE = (bool, bytes, str, dict, Described)


def decode_performative(body: bytes) -> tuple[Any, int]:
    """The performative of a frame body, and the position of its payload. Raises DecodeError."""
    described, payload_at = decode_value(body)
    if not isinstance(described, Described) or not isinstance(described.value, list):
        raise DecodeError("a frame body does not start with a performative")
    found = _BY_CODE.get(described.descriptor) if isinstance(described.descriptor, int) else None
    if found is None:
        raise DecodeError(f"unknown performative {described.descriptor!r}")
    performative, layout = found
    values = described.value
    if len(values) > len(layout):
        raise DecodeError(f"{performative.__name__.lower()} with {len(values)} fields")
    checked = []
    for each, value in zip(layout, values, strict=False):
        if value is None:
            value = each.default if not each.required else _missing(performative, each)  # noqa: PLW2901 - its default
        elif not isinstance(value, each.accepts):
            raise DecodeError(f"{performative.__name__.lower()}: {each.name} is not of type {each.encode_as.__name__}")
        checked.append(value)
    if len(values) < len(layout) and (short := next((f for f in layout[len(values) :] if f.required), None)):
        _missing(performative, short)
    return performative(*checked), payload_at


def _missing(performative: type, each: _Field) -> Any:
    raise DecodeError(f"{performative.__name__.lower()}: {each.name} is missing")


def encode_error(error: AmqpError) -> Described:
    """An error with all three fields (§2.8.14): azure-servicebus fails where one is missing."""
    return Described(ULong(0x1D), [Symbol(error.condition), error.description, error.details])


def decode_error(value: Any) -> AmqpError | None:
    """The error in a rejected outcome, detach, end or close of a peer; None without one."""
    if not isinstance(value, Described) or not isinstance(value.value, list) or not value.value:
        return None
    condition, description, details, *_ = [*value.value, None, None]
    return AmqpError(str(condition), str(description or ""), details if isinstance(details, dict) else None)
