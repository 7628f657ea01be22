"""The options of a measurement: a frozen dataclass, whose fields are the options of its command."""

import argparse
import dataclasses
from typing import Any


def option(default: Any, text: str, *, scales: bool = False) -> Any:
    """A field. `scales`: a duration or a number that `all --scale` shortens."""
    metadata = {"help": text, "scales": scales}
    if isinstance(default, list):
        return dataclasses.field(default_factory=lambda: list(default), metadata=metadata | {"list": True})
    return dataclasses.field(default=default, metadata=metadata)


def add_options(command: argparse.ArgumentParser, kind: type[Any]) -> None:
    """Adds an option for each field of the dataclass."""
    defaults = kind()
    for field in dataclasses.fields(kind):
        default = getattr(defaults, field.name)
        is_list = field.metadata.get("list", False)
        command.add_argument(
            f"--{field.name.replace('_', '-')}",
            type=type(default[0] if is_list else default),
            nargs="+" if is_list else None,
            default=default,
            metavar="NAME" if isinstance(default[0] if is_list else default, str) else "N",
            help=f"{field.metadata['help']} (default {' '.join(map(str, default)) if is_list else default})",
        )


def read_options[T](kind: type[T], parsed: argparse.Namespace) -> T:
    """The dataclass of what was parsed."""
    names = [field.name for field in dataclasses.fields(kind)]  # type: ignore[arg-type]
    return kind(**{name: getattr(parsed, name) for name in names})


def scaled[T](options: T, factor: float) -> T:
    """The same with its durations and numbers multiplied; each is at least 1."""
    changes = {
        field.name: max(1, round(getattr(options, field.name) * factor))
        for field in dataclasses.fields(options)  # type: ignore[arg-type]
        if field.metadata.get("scales")
    }
    return dataclasses.replace(options, **changes)  # type: ignore[type-var]
