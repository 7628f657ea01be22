"""The table at the end: this system beside the original."""

from collections.abc import Sequence

from tools.bench.bench import Bench, Row
from tools.bench.machine import Machine
from tools.bench.original import original


def show(bench: Bench, machine: Machine, rows: Sequence[Row]) -> None:
    """Prints it in Markdown, so that it can be pasted."""
    bench.say(f"\n{table(rows)}")
    bench.say(f"ssak8: {machine.text}; {bench.generator} where a row does not need the built-in generator")
    bench.say(f"the original: {original().text}")


def table(rows: Sequence[Row]) -> str:
    """A Markdown table."""
    lines = ["| test | original (warm) | ssak8 |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {row.test} | {row.original} | {row.ours} |" for row in rows)])
