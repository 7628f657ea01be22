"""The monthly cost: the formulas, and the table in docs/operations.md."""

import dataclasses
import re

import pytest

from shared.use_cases.sweeping import MINUTES_BETWEEN_SWEEPS
from tests.unit.infra.deployments import deployment
from tools.bench.cost import (
    DEV,
    LEVERS,
    PROD,
    Assumptions,
    Environment,
    Model,
    Prices,
    changed,
    hour_of_instances,
    main,
)
from tools.paths import ROOT
from tools.play.apps import APPS

NOTHING = Environment(ready=0, throughput=0, web_tests_month=0, traced=1.0, log_alerts=0)
UNSWEPT = Assumptions(sweeps=0, deferred_runs=0, forget_runs=0, pages=0)
"""No timer runs, and nobody looks at a page."""


def test_without_use_only_service_bus_and_polling_the_database_cost() -> None:
    costs = Model(NOTHING, assumptions=UNSWEPT).costs(0)

    assert costs.pop("Service Bus") == 10
    assert costs.pop("Cosmos DB") == pytest.approx(730 * 3600 / 1e6 * 0.25)
    assert set(costs.values()) == {0}


def test_functions_cost_by_memory_and_number_beyond_the_free_grant() -> None:
    # Without timers; 1 million registrations × 4 executions × 0.1 s × 1 GB, one after the other
    changes = {"cancelled_share": 0, "looked_at": 0, "memory_gb": 1, "execution_seconds": 0.1}
    assumptions = dataclasses.replace(UNSWEPT, busy_executions=float("inf"), **changes)

    cost = Model(NOTHING, Prices(), assumptions).functions(1_000_000)

    assert cost == pytest.approx((400_000 - 100_000) * 0.000026 + (4 - 0.25) * 0.40)


def test_many_executions_overlap() -> None:
    separate = dataclasses.replace(UNSWEPT, busy_executions=float("inf"), executions_at_once=4)
    shared = dataclasses.replace(UNSWEPT, busy_executions=0, executions_at_once=4)
    prices = Prices(million_executions=0, free_gb_seconds=0)

    cost = Model(NOTHING, prices, separate).functions(1_000_000)

    assert Model(NOTHING, prices, shared).functions(1_000_000) == pytest.approx(cost / 4)


def test_always_ready_instances_cost_without_a_registration() -> None:
    ready = dataclasses.replace(NOTHING, ready=2)

    assert Model(ready, assumptions=UNSWEPT).functions(0) == pytest.approx(2 * 730 * 3600 * 2 * 0.000004)


def test_load_beyond_the_ready_instances_costs_the_normal_price() -> None:
    one = Model(dataclasses.replace(NOTHING, ready=1), Prices(million_executions=0), UNSWEPT)
    capacity = 730 * 3600 * 2.0
    assumptions = one.assumptions
    executions = one.executions(1_000_000_000)
    busy = assumptions.busy_executions
    used = (busy + (executions - busy) / assumptions.executions_at_once) * assumptions.execution_seconds * 2

    cost = one.functions(1_000_000_000)

    assert used > capacity
    assert cost == pytest.approx(capacity * (0.000004 + 0.000016) + (used - capacity) * 0.000026)


def test_autoscale_bills_the_busiest_second_but_at_least_a_tenth() -> None:
    model = Model(dataclasses.replace(NOTHING, throughput=10_000), Prices(database_gb_month=0))
    hundred_units_month = 0.012 * 730

    assert model.database(0) == pytest.approx(10 * hundred_units_month)
    busy = 4 * model.request_units(100_000_000) / (730 * 3600) / 100
    assert model.database(100_000_000) == pytest.approx(busy * hundred_units_month)


def test_service_bus_operations_cost_beyond_those_included() -> None:
    model = Model(NOTHING, assumptions=Assumptions(cancelled_share=0))

    # Each event is sent twice, by the publisher and by the sweep, and received and completed once.
    assert model.messaging(3_000_000) == 10
    assert model.messaging(4_000_000) == pytest.approx(10 + 3 * 0.80)


def test_each_sweep_and_each_swept_event_cost() -> None:
    changes = {"sweeps": 1000, "sweep_units": 20, "swept_units": 0.5, "sweep_seconds": 1, "cancelled_share": 1}
    swept = dataclasses.replace(UNSWEPT, **changes)
    unswept = dataclasses.replace(swept, sweeps=0, swept_units=0)
    with_sweeps, without = Model(NOTHING, assumptions=swept), Model(NOTHING, assumptions=unswept)
    prices = Prices(free_gb_seconds=0, free_executions=0)

    assert with_sweeps.request_units(100) - without.request_units(100) == pytest.approx(1000 * 20 + 200 * 0.5)
    assert Model(NOTHING, prices, swept).functions(0) == pytest.approx(1000 * (2 * 0.000026 + 0.40 / 1e6))


def test_each_run_of_register_deferred_costs_although_nobody_waits() -> None:
    changes = {"deferred_runs": 1000, "deferred_seconds": 1, "deferred_units": 10}
    idle = Model(NOTHING, Prices(free_gb_seconds=0, free_executions=0), dataclasses.replace(UNSWEPT, **changes))

    assert idle.functions(0) == pytest.approx(1000 * (2 * 0.000026 + 0.40 / 1e6))
    assert idle.request_units(0) - Model(NOTHING, assumptions=UNSWEPT).request_units(0) == pytest.approx(1000 * 10)


def test_calls_of_the_gateway_cost_beyond_the_first_million() -> None:
    model = Model(NOTHING, assumptions=Assumptions(cancelled_share=0, looked_at=1, pages=0))

    assert model.gateway(500_000) == 0
    assert model.gateway(1_500_000) == pytest.approx(2 * 3.50)


def test_a_page_is_a_call_of_the_gateway_and_an_execution_that_calls_another_app() -> None:
    changes = {"cancelled_share": 0, "looked_at": 0, "pages": 4, "page_calls": 0.5, "page_units": 3}
    with_pages = Model(NOTHING, assumptions=dataclasses.replace(UNSWEPT, **changes))
    without = Model(NOTHING, assumptions=dataclasses.replace(UNSWEPT, **changes | {"pages": 0}))

    assert with_pages.gateway_calls(100) - without.gateway_calls(100) == pytest.approx(400)
    assert with_pages.executions(100) - without.executions(100) == pytest.approx(600)
    assert with_pages.request_units(100) - without.request_units(100) == pytest.approx(100 * 4 * 0.5 * 3)


def test_only_sampled_traces_cost_but_all_logs_do() -> None:
    quarter = dataclasses.replace(NOTHING, traced=0.25)
    traces, logs = Assumptions(kilobytes_logged=0), Assumptions(kilobytes_traced=0)

    kept = Model(NOTHING, assumptions=traces).monitoring(1_000_000)
    logged = Model(NOTHING, assumptions=logs).monitoring(1_000_000)

    assert kept > 0
    assert Model(quarter, assumptions=traces).monitoring(1_000_000) == pytest.approx(kept / 4)
    assert logged > 0
    assert Model(quarter, assumptions=logs).monitoring(1_000_000) == pytest.approx(logged)


def test_audited_requests_cost_even_without_a_registration() -> None:
    audited = dataclasses.replace(NOTHING, audited=True, polls_second=3)
    assumptions = dataclasses.replace(UNSWEPT, requests_executed=2, requests_second=2, kilobytes_audited=1.5)

    idle = Model(audited, assumptions=assumptions).monitoring(0)
    busy = Model(audited, assumptions=assumptions)
    unaudited = Model(NOTHING, assumptions=assumptions)

    assert idle == pytest.approx(730 * 3600 * 5 * 1.5 / 1e6 * 2.30)
    assert busy.monitoring(1000) - unaudited.monitoring(1000) == pytest.approx(
        idle + busy.executions(1000) * 2 * 1.5 / 1e6 * 2.30
    )


def test_log_alerts_and_web_tests_cost_without_a_registration() -> None:
    watched = dataclasses.replace(NOTHING, log_alerts=3, web_tests_month=1000)

    assert Model(watched, assumptions=UNSWEPT).monitoring(0) == pytest.approx(3 * 1.50 + 1000 * 0.0006)


def test_events_in_batches_save_executions_and_their_time() -> None:
    changes = {"cancelled_share": 0.5, "looked_at": 0, "busy_executions": 0, "executions_at_once": 1}
    single = dataclasses.replace(UNSWEPT, **changes)
    batches = dataclasses.replace(single, view_batch=4)

    # Four functions for each of 150 events; in batches, view-updater runs a quarter as often.
    assert Model(NOTHING, assumptions=single).executions(100) == pytest.approx(600)
    assert Model(NOTHING, assumptions=batches).executions(100) == pytest.approx(600 - 150 * 3 / 4)
    assert Model(NOTHING, assumptions=batches).gb_seconds(100) == pytest.approx((600 - 112.5) * 0.05 * 2)


def test_each_lever_changes_assumptions_that_exist_and_saves_something() -> None:
    base = Model(DEV)
    figures = {}
    for lever in LEVERS:
        model = Model(DEV, assumptions=dataclasses.replace(Assumptions(), **lever.changes))
        figures[lever.name] = [
            getattr(model, name)(20_000_000) - getattr(base, name)(20_000_000)
            for name in ("executions", "gb_seconds", "request_units", "sum")
        ]

    assert figures.pop("none") == [0, 0, 0, 0]
    assert all(each[1] < 0 and each[3] < 0 for each in figures.values())


def test_the_levers_are_printed_with_what_a_million_registrations_need(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--levers", "--set", "cancelled_share=0", "--set", "looked_at=0", "--set", "pages=0"])

    header, _, none, batches, *_ = capsys.readouterr().out.splitlines()
    assert header.startswith("| lever | executions, million | GB-s | request units, million | dev, $ | prod, $ |")
    # At ten million a month executions overlap: four of them share 50 ms of 2 GB.
    assert none.startswith("| none | 4.00 | 100,000 | 66.2 |")
    assert batches.startswith("| view-updater in batches of 8 | 3.12 | 78,125 | 66.2 |")


def test_nothing_becomes_cheaper_with_more_registrations() -> None:
    for environment in (DEV, PROD):
        before = Model(environment).costs(0)
        for volume in (1_000, 1_000_000, 100_000_000):
            costs = Model(environment).costs(volume)
            assert all(costs[service] >= before[service] for service in costs)
            before = costs


@pytest.mark.parametrize(("name", "modelled"), [("dev", DEV), ("prod", PROD)])
def test_the_modelled_environments_are_those_of_bicep(name: str, modelled: Environment) -> None:
    here = deployment(name)
    containers = here.all("Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers")
    options = [container["properties"]["options"] for container in containers]
    scales = [here.app(app)["properties"]["functionAppConfig"]["scaleAndConcurrency"] for app in APPS]
    tests = [test["properties"] for test in here.all("Microsoft.Insights/webtests") if test["properties"]["Enabled"]]
    rules = [rule["properties"] for rule in here.all("Microsoft.Insights/scheduledQueryRules")]
    shares = {float(here.settings(app)["OTEL_TRACES_SAMPLER_ARG"]) for app in APPS}

    assert modelled.ready == sum(group["instanceCount"] for scale in scales for group in scale["alwaysReady"])
    assert modelled.throughput == sum(option.get("autoscaleSettings", {}).get("maxThroughput", 0) for option in options)
    calls = sum(len(test["Locations"]) * 730 * 3600 / test["Frequency"] for test in tests)
    assert modelled.web_tests_month == calls
    assert modelled.polls_second == 1000 / int(here.settings("customer")["FEED_POLL_MILLISECONDS"])
    assert modelled.log_alerts == sum(rule["enabled"] for rule in rules)
    assert {rule["evaluationFrequency"] for rule in rules} == {"PT5M"}
    assert {modelled.traced} == shares
    audited = {
        category["category"]
        for setting in here.all("Microsoft.Insights/diagnosticSettings")
        for category in setting["properties"]["logs"]
    }
    assert modelled.audited == ("DataPlaneRequests" in audited) == ("StorageRead" in audited)
    assert {scale["instanceMemoryMB"] / 1024 for scale in scales} == {Assumptions().memory_gb}
    assert Assumptions().sweeps == 730 * 60 / MINUTES_BETWEEN_SWEEPS


def test_prices_and_assumptions_can_be_changed_by_name() -> None:
    assert changed(Prices(), {"log_gb": 3, "cancelled_share": 1}) == Prices(log_gb=3)
    assert changed(Assumptions(), {"log_gb": 3, "cancelled_share": 1}) == Assumptions(cancelled_share=1)


def test_an_unknown_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--set", "price=1"])

    assert "'price' is not one of" in capsys.readouterr().err


def test_the_table_in_operations_md_is_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    main([])

    document = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    [table] = re.findall(r"^\| registrations a month.*?\n(?!\|)", document, re.MULTILINE | re.DOTALL)
    assert table == capsys.readouterr().out


def test_the_levers_in_operations_md_are_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--levers"])

    document = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    [table] = re.findall(r"^\| lever .*?\n(?!\|)", document, re.MULTILINE | re.DOTALL)
    assert table == capsys.readouterr().out


def test_an_hour_at_the_instance_limits_costs_what_operations_md_says() -> None:
    document = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    [table] = re.findall(r"^\| an hour at the limits.*?\n(?!\|)", document, re.MULTILINE | re.DOTALL)
    rows = {
        name: (int(count), int(cost))
        for name, count, cost in re.findall(r"^\| (.+) \| (\d+) \| (\d+) \|$", table, re.M)
    }

    assert all(cost == round(hour_of_instances(count)) for count, cost in rows.values())
    groups = 2 * len(APPS) - 1  # the HTTP functions of each app, and the event function of all but my page
    for name in ("dev", "prod"):
        scales = [deployment(name).app(app)["properties"]["functionAppConfig"]["scaleAndConcurrency"] for app in APPS]
        assert {scale["maximumInstanceCount"] for scale in scales} == {scales[0]["maximumInstanceCount"]}
        assert rows[name][0] == groups * scales[0]["maximumInstanceCount"]
    assert rows["either with `lowestInstanceLimit = 40`"][0] == groups * 40
    assert rows["at the quota of the region"][0] == 512_000 // 2048
