"""Sources and targets of links (AMQP 1.0 §3.5.3, §3.5.4)."""

from dataclasses import dataclass, field
from typing import Any

from local_azure.service_bus.amqp.errors import DecodeError
from local_azure.service_bus.amqp.types import Described, Symbol, ULong

SOURCE = 0x28
TARGET = 0x29
COORDINATOR = 0x30
_ADDRESS, _DYNAMIC, _FILTER = 0, 4, 7


@dataclass(slots=True)
class Terminus:
    """One end of a link. `filters`: of a source; `coordinator`: the target of transactions (§4.5.1)."""

    address: str | None = None
    dynamic: bool = False
    filters: dict[str, Any] = field(default_factory=dict)
    coordinator: bool = False


def decode_terminus(value: Any) -> Terminus | None:
    """The terminus of an attach; None without one. Raises DecodeError."""
    if value is None:
        return None
    if not isinstance(value, Described) or not isinstance(value.value, list):
        raise DecodeError("attach: neither a source nor a target")
    if value.descriptor == COORDINATOR:
        return Terminus(coordinator=True)
    fields = [*value.value, *[None] * 8]
    address, filters = fields[_ADDRESS], fields[_FILTER] if value.descriptor == SOURCE else None
    if not isinstance(address, str | None) or not isinstance(filters, dict | None):
        raise DecodeError("attach: the address or the filter of a terminus has another type")
    return Terminus(address, bool(fields[_DYNAMIC]), {str(name): value for name, value in (filters or {}).items()})


def encode_source(terminus: Terminus) -> Described:
    """The values of `filters` must be encodable."""
    filters = {Symbol(name): value for name, value in terminus.filters.items()} or None
    return Described(ULong(SOURCE), [terminus.address, None, None, None, None, None, None, filters])


def encode_target(terminus: Terminus) -> Described:
    return Described(ULong(TARGET), [terminus.address])
