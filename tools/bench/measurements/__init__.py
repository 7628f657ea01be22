"""The measurements, in the order of the summary. Each is a module with a MEASUREMENT."""

from tools.bench.bench import Measurement
from tools.bench.measurements import (
    drain,
    growth,
    latency,
    lists,
    outage,
    overload,
    pages,
    postponed,
    reads,
    registering,
    restart,
    rotation,
    start,
)

MEASUREMENTS: dict[str, Measurement] = {
    module.MEASUREMENT.name: module.MEASUREMENT
    for module in (
        start,
        registering,
        overload,
        postponed,
        outage,
        drain,
        restart,
        rotation,
        lists,
        latency,
        reads,
        pages,
        growth,
    )
}
