"""Answers to clients, and how they look on the wire."""

import time
from dataclasses import dataclass
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus

from local_azure.gateway.headers import Headers


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP response. Names in `headers` are in lower case. `closes`: no other request may follow it."""

    status: int
    body: bytes
    headers: Headers
    closes: bool = False


def rendered(answer: Answer, *, to_head: bool, closes: bool) -> bytes:
    """The response in HTTP/1.1. `to_head`: without its body. `closes`: it says that the connection ends."""
    lines = [_status_line(answer.status), _date_line(int(time.time()))]
    lines += [b"%b: %b\r\n" % header for header in answer.headers]
    if closes:
        lines.append(b"connection: close\r\n")
    lines.append(b"\r\n")
    if not to_head:
        lines.append(answer.body)
    return b"".join(lines)


@lru_cache
def _status_line(status: int) -> bytes:
    phrase = HTTPStatus(status).phrase if status in HTTPStatus else ""
    return f"HTTP/1.1 {int(status)} {phrase}\r\n".encode("ascii")


@lru_cache(maxsize=1)
def _date_line(second: int) -> bytes:
    return f"date: {formatdate(second, usegmt=True)}\r\n".encode("ascii")
