"""Resource ids (`_rid`): the numbers of database, container and item as bytes, in base64 with - for /.

Four bytes for the database, four for the container (first bit set), eight for the item.
"""

from base64 import b64decode, b64encode

_CONTAINER_BIT = 0x8000_0000


def _text(value: bytes) -> str:
    return b64encode(value, altchars=b"+-").decode("ascii")


def database_bytes(number: int) -> bytes:
    return number.to_bytes(4)


def container_bytes(database_number: int, number: int) -> bytes:
    return database_bytes(database_number) + (_CONTAINER_BIT | number).to_bytes(4)


def database_rid(number: int) -> str:
    return _text(database_bytes(number))


def container_rid(database_number: int, number: int) -> str:
    return _text(container_bytes(database_number, number))


def item_rid(container: bytes, number: int) -> str:
    """`container`: from `container_bytes`."""
    return _text(container + number.to_bytes(8))


def item_number(rid: str) -> int:
    """The number in the resource id of an item; -1, which no item has, if `rid` is not one."""
    try:
        value = b64decode(rid, altchars=b"+-", validate=True)
    except ValueError:
        return -1
    return int.from_bytes(value[8:]) if len(value) == 16 else -1
