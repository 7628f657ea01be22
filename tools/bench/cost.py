"""The monthly cost on Azure, by the number of registrations: `python -m tools.bench.cost`.

It is calculated, not measured. Each price and each assumption has a name, and can be replaced with your own:
`python -m tools.bench.cost --registrations 50000 --set gb_second=0.00003 --set cancelled_share=0.2`.
"""

import argparse
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tools.command_line import parser, show

MILLION = 1_000_000
HOURS_A_MONTH = 730
SECONDS_A_MONTH = HOURS_A_MONTH * 3600
VOLUMES = (10_000, MILLION, 100 * MILLION)
AUTOSCALE_RANGE = 10  # autoscale never bills less than a tenth of the maximum
PEAK = 4  # the busiest second of an hour against the mean second of a month: an assumption


@dataclass(frozen=True)
class Prices:
    """US dollars, excluding tax: list prices of East US, as of September 2026. Korea Central has its own."""

    gb_second: float = 0.000026
    million_executions: float = 0.40
    free_gb_seconds: float = 100_000
    free_executions: float = 250_000
    million_request_units: float = 0.25
    database_gb_month: float = 0.25
    service_bus_month: float = 10.0
    service_bus_included: float = 13 * MILLION
    million_bus_operations: float = 0.80
    log_gb: float = 2.30

    # Not confirmed on a price list: look these up before you rely on them.
    ready_gb_second: float = 0.000004
    ready_active_gb_second: float = 0.000016
    autoscale_hundred_units_hour: float = 0.012
    million_gateway_calls: float = 3.50
    free_gateway_calls: float = MILLION
    web_test: float = 0.0006
    log_alert_rule: float = 1.50
    """Per month, for a rule that is evaluated every five minutes."""


@dataclass(frozen=True)
class Assumptions:
    """What a registration uses in all: storing, kakao, publishing, the view, looking it up, and the pages for it."""

    cancelled_share: float = 0.1
    looked_at: float = 2.0

    pages: float = 8.0
    """Of my page, each a call of the gateway: start, style, signing in and back, the form, registering, the result."""
    page_calls: float = 0.7
    """Calls of another app for a page."""
    page_units: float = 4.0
    """Request units of such a call: a claim, a view and the messages, or a customer."""

    registered_units: float = 66.0
    """Request units: 20 for the customer and its event, 20 for kakao's message, 20 for the view, 6 for the claim."""
    cancelled_units: float = 66.0
    """The same, with 6 for what remains of a cancellation."""
    looked_at_units: float = 2.0
    """Reading a document costs 1 request unit, and twice that with strong consistency."""
    poll_units: float = 1.0
    """A poll of the change feed that finds nothing. The leases are polled so seldom that they are left out."""

    sweeps: float = HOURS_A_MONTH * 15
    """Executions of sweep-outbox per month: one every four minutes."""
    sweep_seconds: float = 1.0
    """The shortest time that Flex Consumption bills for an execution."""
    sweep_units: float = 20.0
    """Reading the mark (2 request units), a query that finds little (7), and moving the mark (11)."""
    swept_units: float = 0.25
    """A further event of a sweep, as one of a full page: a query of 200 events costs 44, and moving the mark 11."""

    deferred_runs: float = HOURS_A_MONTH * 360
    """Executions of register-deferred per month: one every ten seconds."""
    deferred_seconds: float = 1.2
    """Of a run that finds nothing due: it waits a second for a message. While many wait: tools.bench.outage_cost."""
    deferred_units: float = 2.0
    """Of the six runs of a minute, one asks what has expired and what is the oldest, and one of 24 what was lost."""

    forget_runs: float = HOURS_A_MONTH * 12 * 3
    """Executions of the timers that forget, one in each app: one every five minutes."""
    forget_seconds: float = 1.0
    """The shortest time that is billed: opening links to Service Bus takes most of it."""
    forget_units: float = 8.0
    """The time (3 request units), the mark (2), and a query that finds nothing (3)."""
    forgotten_units: float = 45.0
    """Each cancellation: storing (10), stripping (13), removing the claim (18), looking in each app (4)."""

    memory_gb: float = 2.0
    execution_seconds: float = 0.05
    view_batch: float = 1.0
    """Events of one execution of view-updater; it takes as long as one event, because they are handled at once."""
    executions_at_once: float = 4.0
    """How many executions overlap in an instance, once there are many."""
    busy_executions: float = 5 * MILLION
    """Executions per month up to which none overlap."""

    kilobytes_registered: float = 6.0
    """Stored per registration: customer, message, view."""
    kilobytes_traced: float = 3.0
    """Spans of one execution, or of one call of the gateway. Only sampled traces are kept."""
    kilobytes_logged: float = 1.0
    """Log lines of one execution; all are kept. Metrics are aggregated per minute and cost next to nothing."""
    requests_executed: float = 2.0
    """Requests of one execution to the database and to storage. Where access is audited, each is a row of a log."""
    requests_second: float = 2.0
    """The same without any execution, besides polling the change feed: leases and locks are renewed."""
    kilobytes_audited: float = 1.0
    """Of one such row."""


@dataclass(frozen=True)
class Environment:
    """As in infra/bicep. `ready`: always-ready instances; `throughput`: the maximum of all containers, in RU/s.

    `traced`: the share of traces that is kept, from 0 to 1 (sampledPercentage); `log_alerts`: rules that query logs;
    `audited`: whether each request to the database and to storage is logged; `polls_second`: of the change feed
    (feedPollMilliseconds).
    """

    ready: int
    throughput: int
    web_tests_month: float
    traced: float
    log_alerts: int
    audited: bool = False
    polls_second: float = 1.0

    @property
    def serverless(self) -> bool:
        return self.throughput == 0


# The gateway and the start page every 5 minutes and four apps every 15, from three locations each.
WEB_TESTS = 3 * (2 * HOURS_A_MONTH * 12 + 4 * HOURS_A_MONTH * 4)
DEV = Environment(ready=0, throughput=0, web_tests_month=0, traced=1.0, log_alerts=10, polls_second=4)
PROD = Environment(
    ready=24, throughput=14_000, web_tests_month=WEB_TESTS, traced=0.1, log_alerts=13, audited=True, polls_second=10
)


@dataclass(frozen=True)
class Model:
    """Each cost is in dollars per month, for a number of registrations per month."""

    environment: Environment
    prices: Prices = Prices()
    assumptions: Assumptions = Assumptions()

    def executions(self, registrations: float) -> float:
        """Registering runs four functions (register, send, publish, view); so does cancelling. Pages, and timers."""
        a = self.assumptions
        each = 3 + 1 / a.view_batch
        pages = a.pages * (1 + a.page_calls)
        return (
            registrations * (each * (1 + a.cancelled_share) + a.looked_at + pages)
            + a.sweeps
            + a.deferred_runs
            + a.forget_runs
        )

    def events(self, registrations: float) -> float:
        return registrations * (1 + self.assumptions.cancelled_share)

    def gateway_calls(self, registrations: float) -> float:
        a = self.assumptions
        return registrations * (1 + a.cancelled_share + a.looked_at + a.pages)

    def gb_seconds(self, registrations: float) -> float:
        """The time for which instances work, times their memory."""
        a = self.assumptions
        short = self.executions(registrations) - a.sweeps - a.deferred_runs - a.forget_runs
        separate = min(short, a.busy_executions)
        seconds = (separate + (short - separate) / a.executions_at_once) * a.execution_seconds
        timers = a.sweeps * a.sweep_seconds + a.deferred_runs * a.deferred_seconds + a.forget_runs * a.forget_seconds
        return (seconds + timers) * a.memory_gb

    def functions(self, registrations: float) -> float:
        """Flex Consumption. An always-ready instance has a lower price per second, and no free grant."""
        a, p = self.assumptions, self.prices
        executions, gb_seconds = self.executions(registrations), self.gb_seconds(registrations)
        if not self.environment.ready:
            paid_gb_seconds = max(0.0, gb_seconds - p.free_gb_seconds)
            paid_executions = max(0.0, executions - p.free_executions)
            return paid_gb_seconds * p.gb_second + paid_executions / MILLION * p.million_executions
        ready = self.environment.ready * SECONDS_A_MONTH * a.memory_gb
        on_ready = min(gb_seconds, ready)
        return (
            ready * p.ready_gb_second
            + on_ready * p.ready_active_gb_second
            + (gb_seconds - on_ready) * p.gb_second
            + executions / MILLION * p.million_executions
        )

    def request_units(self, registrations: float) -> float:
        a = self.assumptions
        pages = a.pages * a.page_calls * a.page_units
        each = a.registered_units + a.cancelled_share * a.cancelled_units + a.looked_at * a.looked_at_units + pages
        swept = a.sweeps * a.sweep_units + self.events(registrations) * a.swept_units
        polls = self.environment.polls_second * SECONDS_A_MONTH
        timers = swept + a.deferred_runs * a.deferred_units + a.forget_runs * a.forget_units
        forgotten = registrations * a.cancelled_share * a.forgotten_units
        return registrations * each + timers + forgotten + polls * a.poll_units

    def database(self, registrations: float) -> float:
        """Cosmos DB. Autoscale bills the busiest second of each hour: assumed to be PEAK times the mean."""
        a, p = self.assumptions, self.prices
        storage = registrations * a.kilobytes_registered / MILLION * p.database_gb_month
        units = self.request_units(registrations)
        if self.environment.serverless:
            return units / MILLION * p.million_request_units + storage
        billed = max(self.environment.throughput / AUTOSCALE_RANGE, PEAK * units / SECONDS_A_MONTH)
        return billed / 100 * p.autoscale_hundred_units_hour * HOURS_A_MONTH + storage

    def messaging(self, registrations: float) -> float:
        """Service Bus: an event is sent, swept, and received and completed by each of its subscriptions."""
        a, p = self.assumptions, self.prices
        registered, cancelled = 2 + 2, 2 + 2 * 2  # operations: one subscription takes registrations, two cancellations
        operations = registrations * (registered + a.cancelled_share * cancelled)
        beyond = max(0.0, operations - p.service_bus_included)
        return p.service_bus_month + beyond / MILLION * p.million_bus_operations

    def monitoring(self, registrations: float) -> float:
        a, p, here = self.assumptions, self.prices, self.environment
        executions = self.executions(registrations)
        traced = (executions + self.gateway_calls(registrations)) * a.kilobytes_traced * here.traced
        idle = SECONDS_A_MONTH * (a.requests_second + here.polls_second)
        requests = executions * a.requests_executed + idle if here.audited else 0
        gigabytes = (traced + executions * a.kilobytes_logged + requests * a.kilobytes_audited) / MILLION
        return gigabytes * p.log_gb + here.web_tests_month * p.web_test + here.log_alerts * p.log_alert_rule

    def gateway(self, registrations: float) -> float:
        """API Management (Consumption)."""
        beyond = max(0.0, self.gateway_calls(registrations) - self.prices.free_gateway_calls)
        return beyond / MILLION * self.prices.million_gateway_calls

    def costs(self, registrations: float) -> dict[str, float]:
        """Dollars per month by service; the keys are the columns of the table."""
        return {
            "Functions": self.functions(registrations),
            "Cosmos DB": self.database(registrations),
            "Service Bus": self.messaging(registrations),
            "Monitoring": self.monitoring(registrations),
            "API Management": self.gateway(registrations),
        }

    def sum(self, registrations: float) -> float:
        """Dollars per month for all services."""
        return sum(self.costs(registrations).values())


def hour_of_instances(instances: int, prices: Prices | None = None, memory_gb: float = Assumptions.memory_gb) -> float:
    """Dollars for an hour in which this many on-demand instances work without a pause."""
    return instances * memory_gb * 3600 * (prices or Prices()).gb_second


def table(models: Mapping[str, Model], volumes: Sequence[int] = VOLUMES) -> str:
    """A Markdown table in whole dollars, with a row for each environment and number of registrations."""
    services = list(next(iter(models.values())).costs(0))
    rows = [
        f"| registrations a month | {' | '.join(services)} | sum |",
        "|---|" + "---:|" * (len(services) + 1),
    ]
    for name, model in models.items():
        for volume in volumes:
            costs = model.costs(volume)
            cells = [f"{cost:,.0f}" for cost in (*costs.values(), sum(costs.values()))]
            rows.append(f"| {name}, {volume:,} | {' | '.join(cells)} |")
    return "\n".join(rows)


@dataclass(frozen=True)
class Lever:
    """A measure against cost. `changes`: assumptions as they are with it."""

    name: str
    changes: Mapping[str, float]


# Milliseconds of CPU a registration, all processes together, on the local Azure: measured on a quiet machine, and that
# times the ratio of pairs on a slower one (0.73). As an execution needs less CPU, more of them overlap in an instance.
CPU_BEFORE, CPU_AFTER = 4.7, 3.5
BATCH_UNDER_LOAD = 8.0  # assumed; at rest a batch is one event, and saves nothing

_BATCHES = {"view_batch": BATCH_UNDER_LOAD}
_LESS_CPU = {"executions_at_once": Assumptions.executions_at_once * CPU_BEFORE / CPU_AFTER}

LEVERS = (
    Lever("none", {}),
    Lever(f"view-updater in batches of {BATCH_UNDER_LOAD:g}", _BATCHES),
    Lever(f"less CPU: {CPU_AFTER:g} instead of {CPU_BEFORE:g} ms a registration", _LESS_CPU),
    Lever("both", _BATCHES | _LESS_CPU),
)
LEVERS_AT = 10 * MILLION  # registrations a month: executions overlap, and the free grants are used up


def levers_table(models: Mapping[str, Model]) -> str:
    """A Markdown table: what a million more registrations need, in dollars too, and what a month without any costs."""
    dollars = [*(f"{name}, $" for name in models), *(f"{name} at rest, $" for name in models)]
    columns = ["executions, million", "GB-s", "request units, million", *dollars]
    rows = [f"| lever | {' | '.join(columns)} |", "|---|" + "---:|" * len(columns)]
    for lever in LEVERS:
        levered = [
            dataclasses.replace(model, assumptions=dataclasses.replace(model.assumptions, **lever.changes))
            for model in models.values()
        ]
        first = levered[0]
        figures = [
            f"{_million_more(first.executions) / MILLION:,.2f}",
            f"{_million_more(first.gb_seconds):,.0f}",
            f"{_million_more(first.request_units) / MILLION:,.1f}",
            *(f"{_million_more(model.sum):,.2f}" for model in levered),
            *(f"{model.sum(0):,.2f}" for model in levered),
        ]
        rows.append(f"| {lever.name} | {' | '.join(figures)} |")
    return "\n".join(rows)


def _million_more(figure: Callable[[float], float]) -> float:
    return figure(LEVERS_AT + MILLION) - figure(LEVERS_AT)


def changed[T: (Prices, Assumptions)](defaults: T, changes: Mapping[str, float]) -> T:
    """The defaults with the changes applied; ignores the names of other classes."""
    names = {field.name for field in dataclasses.fields(defaults)}
    return dataclasses.replace(defaults, **{name: value for name, value in changes.items() if name in names})


def _change(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    names = {field.name for kind in (Prices, Assumptions) for field in dataclasses.fields(kind)}
    if name not in names:
        raise argparse.ArgumentTypeError(f"{name!r} is not one of {', '.join(sorted(names))}")
    try:
        return name, float(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{value!r} is not a number") from None


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the table."""
    command_line = parser("tools.bench.cost", __doc__)
    command_line.add_argument("--registrations", type=int, nargs="+", default=VOLUMES, help="per month")
    command_line.add_argument("--set", type=_change, action="append", default=[], metavar="NAME=NUMBER", dest="changes")
    command_line.add_argument("--levers", action="store_true", help="what each measure saves, instead")
    options = command_line.parse_args(arguments)
    changes = dict(options.changes)
    prices, assumptions = changed(Prices(), changes), changed(Assumptions(), changes)
    models = {name: Model(environment, prices, assumptions) for name, environment in (("dev", DEV), ("prod", PROD))}
    show(levers_table(models) if options.levers else table(models, options.registrations))


if __name__ == "__main__":
    main()
