"""Events of the supervisor, for a terminal, its log file and control connections."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Self


class Kind(StrEnum):
    NOTICE = "notice"
    STARTING = "starting"
    READY = "ready"
    DIED = "died"
    STOPPING = "stopping"
    STOPPED = "stopped"
    LEFT_OUT = "left out"


@dataclass(frozen=True)
class Event:
    """`service` is empty for an event of the whole stack; `detail` is one line for people."""

    kind: Kind
    service: str = ""
    detail: str = ""

    def to_json(self) -> dict[str, str]:
        return asdict(self)

    @classmethod
    def from_json(cls, document: dict[str, str]) -> Self:
        return cls(Kind(document["kind"]), document["service"], document["detail"])

    def __str__(self) -> str:
        return " ".join(part for part in (self.service, self.kind.value, self.detail) if part)


type Report = Callable[[Event], None]


def json_line(document: object) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode() + b"\n"
