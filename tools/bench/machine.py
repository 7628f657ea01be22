"""The machine on which the figures were measured."""

import os
import platform
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import psutil

CPU_DESCRIPTION = Path("/proc/cpuinfo")  # Linux


@dataclass(frozen=True)
class Machine:
    """`load`: the load average of the minute before; `memory`: bytes; `cores`: those that this process may use."""

    cores: int
    cpu: str
    memory: int
    load: float
    date: str

    @classmethod
    def now(cls) -> Self:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else psutil.cpu_count() or 1
        date = datetime.now(UTC).date().isoformat()
        return cls(cores, _cpu(), psutil.virtual_memory().total, psutil.getloadavg()[0], date)

    @property
    def text(self) -> str:
        quiet = "" if self.load < QUIET else ": other programs run, and the figures are lower for it"
        return (
            f"{self.date}, {self.cores} cores ({self.cpu}), {self.memory / 2**30:.0f} GB of memory, "
            f"load average {self.load:.2f} at the start{quiet}"
        )


QUIET = 0.5
"""A load average above this is worth a word: half of a core is busy with something else."""


def _cpu() -> str:
    described = CPU_DESCRIPTION.read_text(encoding="utf-8") if CPU_DESCRIPTION.exists() else ""
    model = re.search(r"^model name\s*:\s*(.+)$", described, re.MULTILINE)
    return model[1].strip() if model else platform.processor() or platform.machine()
