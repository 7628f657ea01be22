"""The measurements, in the order of the summary. Each is a module with a MEASUREMENT."""

from tools.bench.bench import Measurement
from tools.bench.measurements import growth, latency, lists, overload, reads, registering, restart, start

MEASUREMENTS: dict[str, Measurement] = {
    module.MEASUREMENT.name: module.MEASUREMENT
    for module in (start, registering, overload, restart, lists, latency, reads, growth)
}
