"""What it costs on Azure that kakao is down while customers register: `python -m tools.bench.outage_cost`.

It is calculated, not measured, with the prices and assumptions of tools.bench.cost: only what postponing adds to what
the same registrations cost in any case. It is the most: probes may be fewer, and operations included.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tools.bench.cost import DEV, MILLION, PROD, Model
from tools.command_line import parser, show

SECONDS_AN_HOUR: Final = 3600

# Request units, with strong consistency: a read 2, a write 11 (decision 20). Accepting stores the registration and its
# attempt; trying reads and claims it; settling replaces it, in the batch that stores the customer in any case. A try
# that fails is written back as not told.
READ_UNITS, WRITE_UNITS = 2, 11
ACCEPTED_UNITS: Final = 2 * WRITE_UNITS
TRIED_UNITS: Final = READ_UNITS + WRITE_UNITS
ENDED_UNITS: Final = WRITE_UNITS
TRIED_REQUESTS: Final = 3
"""Requests of a try to the database, each of which is a row of a log where access is audited."""
OPERATIONS: Final = 3
"""Of an attempt on Service Bus: it is sent, received and completed."""
BUSY: Final = 0.9
"""The share of the time that register-deferred works while registrations wait: nine seconds of ten."""


@dataclass(frozen=True)
class Outage:
    """`waiting`: customers that register meanwhile. Rates are a second.

    `tries`: DEFERRED_TRIES_PER_SECOND. `drained`: registrations once kakao answers again, until nobody waits.
    """

    hours: float
    waiting: int
    tries: float = 20.0
    drained: float = 50.0

    @property
    def probes(self) -> float:
        """Tries that fail, at most: an open circuit breaker spares most of them."""
        return self.hours * SECONDS_AN_HOUR * self.tries

    @property
    def drain_hours(self) -> float:
        return self.waiting / self.drained / SECONDS_AN_HOUR

    @property
    def operations(self) -> float:
        return OPERATIONS * (self.waiting + self.probes)

    @property
    def request_units(self) -> float:
        return self.waiting * ACCEPTED_UNITS + (self.waiting + self.probes) * (TRIED_UNITS + ENDED_UNITS)


def dollars(outage: Outage, model: Model) -> dict[str, float]:
    """By service, as `Model.costs`."""
    a, p, here = model.assumptions, model.prices, model.environment
    # The probes also run send-kakao.
    seconds = (outage.hours + outage.drain_hours) * SECONDS_AN_HOUR * BUSY + outage.probes * a.execution_seconds
    second = p.ready_active_gb_second if here.ready else p.gb_second
    tries = outage.waiting + outage.probes
    kilobytes = outage.probes * (a.kilobytes_traced * here.traced + a.kilobytes_logged)
    if here.audited:
        kilobytes += (tries * TRIED_REQUESTS + outage.probes * a.requests_executed) * a.kilobytes_audited
    return {
        "Functions": seconds * a.memory_gb * second + outage.probes / MILLION * p.million_executions,
        "Cosmos DB": _database(outage, model),
        "Service Bus": outage.operations / MILLION * p.million_bus_operations,
        "Monitoring": kilobytes / MILLION * p.log_gb,
    }


def _database(outage: Outage, model: Model) -> float:
    if model.environment.serverless:
        return outage.request_units / MILLION * model.prices.million_request_units
    # Autoscale bills request units a second, by the hour; all of them come on top of what other calls need.
    return outage.request_units / SECONDS_AN_HOUR / 100 * model.prices.autoscale_hundred_units_hour


OUTAGES: Final = {
    "three hours, 180,000 waiting": Outage(hours=3, waiting=180_000),
    "a million postponed for a moment": Outage(hours=0, waiting=MILLION),
}


def table(models: Mapping[str, Model]) -> str:
    """A Markdown table with a row for each outage."""
    columns = ["tries", "operations on Service Bus", "request units", *(f"{name}, $" for name in models)]
    rows = [f"| kakao is down | {' | '.join(columns)} |", "|---|" + "---:|" * len(columns)]
    for name, outage in OUTAGES.items():
        quantities = (outage.waiting + outage.probes, outage.operations, outage.request_units)
        cells = [f"{quantity:,.0f}" for quantity in quantities]
        cells += [f"{sum(dollars(outage, model).values()):,.2f}" for model in models.values()]
        rows.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the table."""
    parser("tools.bench.outage_cost", __doc__).parse_args(arguments)
    show(table({"dev": Model(DEV), "prod": Model(PROD)}))


if __name__ == "__main__":
    main()
