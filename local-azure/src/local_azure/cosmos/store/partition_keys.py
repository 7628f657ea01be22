"""Partition keys: read from a header or an item, told apart by a canonical text, and hashed into ranges.

The canonical text is the JSON array of the key's components, with `{}` for a component that the item does not have:
`["a"]`, `[1]`, `[null]`, `[{}]`. Equal keys have equal texts.
"""

import json
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from local_azure.cosmos import errors
from local_azure.cosmos.limits import MAX_EXACT_INTEGER, MAX_PARTITION_KEY_BYTES, MAX_PARTITION_KEY_PATHS
from local_azure.cosmos.store import hashing

_UNDEFINED: dict[str, Any] = {}
_encode = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class PartitionKeyDefinition:
    """Where an item's key lies. `paths` are split into property names."""

    paths: tuple[tuple[str, ...], ...]
    kind: str
    version: int

    @classmethod
    def parse(cls, definition: object) -> "PartitionKeyDefinition":
        """Reads `{"paths": ["/a/b"], "kind": "Hash", "version": 2}`. Raises bad_request."""
        if not isinstance(definition, dict) or not isinstance(definition.get("paths"), list):
            raise errors.bad_request("The partition key definition of the container is missing or has no paths.")
        paths, kind = definition["paths"], definition.get("kind", "Hash")
        version = definition.get("version", 1)
        if kind not in {"Hash", "MultiHash"} or version not in {1, 2}:
            raise errors.bad_request(f"The partition key kind {kind!r} or version {version!r} is not known.")
        most = MAX_PARTITION_KEY_PATHS if kind == "MultiHash" else 1
        if not 1 <= len(paths) <= most:
            raise errors.bad_request(f"A partition key of kind {kind} has 1 to {most} paths, not {len(paths)}.")
        return cls(tuple(_split(path) for path in paths), kind, version)

    def key_of(self, item: Mapping[str, Any]) -> str:
        """The canonical text of the item's key. Raises bad_request when it is too long."""
        return _canonical([_component(item, path) for path in self.paths])


_STEP = re.compile(r"""/(?:"(?P<double>(?:[^"\\]|\\.)*)"|'(?P<single>(?:[^'\\]|\\.)*)'|(?P<plain>[^/"'][^/]*))""")


def _split(path: object) -> tuple[str, ...]:
    """The property names of a path; one in quotes may have slashes in it."""
    steps: list[str] = []
    position = 0
    while isinstance(path, str) and (match := _STEP.match(path, position)):
        steps.append(next(part for part in match.groups() if part is not None).strip())
        position = match.end()
    if not isinstance(path, str) or not steps or position != len(path):
        raise errors.bad_request(f"The partition key path {path!r} is not of the form /property.")
    return tuple(steps)


def _component(item: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = item
    for name in path:
        if not isinstance(value, dict) or name not in value:
            return _UNDEFINED
        value = value[name]
    return _UNDEFINED if isinstance(value, dict | list) else value


def _canonical(components: list[Any]) -> str:
    for index, value in enumerate(components):
        if isinstance(value, float) and value.is_integer() and abs(value) <= MAX_EXACT_INTEGER:
            components[index] = int(value)
    text = _encode(components)
    if len(text) > MAX_PARTITION_KEY_BYTES:
        raise errors.bad_request(f"The partition key is longer than {MAX_PARTITION_KEY_BYTES} bytes.")
    return text


@lru_cache(maxsize=8192)
def from_header(text: str) -> str:
    """The canonical text of a key given as x-ms-documentdb-partitionkey. Raises bad_request."""
    try:
        components = json.loads(text)
    except ValueError:
        components = None
    if not isinstance(components, list):
        raise errors.bad_request("The partition key supplied in x-ms-partitionkey header is not a JSON array.")
    for component in components:
        if isinstance(component, list) or (isinstance(component, dict) and component):
            raise errors.bad_request("Partition key components are strings, numbers, booleans or null.")
    return _canonical(components)


def component_count(key: str) -> int:
    return len(json.loads(key))


@lru_cache(maxsize=8192)
def effective(key: str, kind: str, version: int) -> str:
    """The key's place in the hash range "" to "FF": what feed ranges are made of."""
    components = json.loads(key)
    if kind == "MultiHash":
        return "".join(_hash_v2([component]) for component in components)
    return _hash_v2(components) if version == 2 else _hash_v1(components)


def _typed_bytes(value: Any, string_end: bytes) -> bytes:
    """One component as the service feeds it to the hash: a type mark, then the value."""
    if value is None:
        return b"\x01"
    if value is False:
        return b"\x02"
    if value is True:
        return b"\x03"
    if isinstance(value, str):
        return b"\x08" + value.encode("utf-8", "surrogatepass") + string_end
    if isinstance(value, dict):
        return b"\x00"
    return b"\x05" + struct.pack("<d", value)


def _hash_v2(components: list[Any]) -> str:
    digest = hashing.murmur3_128(b"".join(_typed_bytes(component, b"\xff") for component in components))
    # Ranges end at "FF": the two highest bits are cleared so that every hash lies below it.
    return f"{digest & ((1 << 126) - 1):032X}"


def _hash_v1(components: list[Any]) -> str:
    shortened = [component[:100] if isinstance(component, str) else component for component in components]
    digest = hashing.murmur3_32(b"".join(_typed_bytes(component, b"\x00") for component in shortened))
    return (_ordered_number(float(digest)) + b"".join(_ordered_bytes(part) for part in shortened)).hex().upper()


def _ordered_bytes(value: Any) -> bytes:
    """One component in the encoding of version 1, whose bytes sort as the values do."""
    if isinstance(value, str):
        encoded = value.encode("utf-8", "surrogatepass")
        shifted = bytes((byte + 1) & 0xFF for byte in encoded[:101])
        return b"\x08" + shifted + (b"\x00" if len(encoded) <= 100 else b"")
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _ordered_number(float(value))
    return _typed_bytes(value, b"")


def _ordered_number(value: float) -> bytes:
    (bits,) = struct.unpack("<Q", struct.pack("<d", value))
    mask = 1 << 63
    payload = bits ^ mask if bits < mask else (~bits + 1) & 0xFFFF_FFFF_FFFF_FFFF
    encoded = [0x05, payload >> 56]
    payload = (payload << 8) & 0xFFFF_FFFF_FFFF_FFFF
    chunk: int | None = None
    while payload:
        if chunk is not None:
            encoded.append(chunk)
        chunk = (payload >> 56) | 1
        payload = (payload << 7) & 0xFFFF_FFFF_FFFF_FFFF
    encoded.append((chunk or 0) & 0xFE)
    return bytes(encoded)


def of_values(components: list[Any]) -> str:
    """The canonical text of the key with these components, each a string, a number, a boolean or null."""
    return _canonical(list(components))
