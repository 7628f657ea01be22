"""The figures of the original system, from original.toml."""

import tomllib
from datetime import date
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

FILE = Path(__file__).parent / "original.toml"

type Figure = float | tuple[float, float]
"""A number, or a range."""


class _Figures(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Start(_Figures):
    first_201_seconds: Figure
    first_half_minute_rate: Figure
    second_half_minute_rate: Figure


class Registering(_Figures):
    rate: Figure
    p95_milliseconds: Figure
    cpu_milliseconds: Figure


class Overload(_Figures):
    rate: Figure
    failed: int
    p99_milliseconds: Figure


class Restart(_Figures):
    availability_percent: Figure


class Latency(_Figures):
    idle_milliseconds: Figure
    loaded_milliseconds: Figure


class Original(_Figures):
    date: date
    machine: str
    generator: str
    start: Start
    registering: Registering
    overload: Overload
    restart: Restart
    latency: Latency

    @property
    def text(self) -> str:
        """Where and when it was measured."""
        return f"{self.date.isoformat()}, {self.machine}, {self.generator}"


@cache
def original() -> Original:
    """Reads the file."""
    return Original.model_validate(tomllib.loads(FILE.read_text(encoding="utf-8")))


def shown(figure: Figure, digits: int = 0) -> str:
    """`1,198–1,246` for a range."""
    numbers = figure if isinstance(figure, tuple) else (figure,)
    return "–".join(f"{number:,.{digits}f}" for number in numbers)
