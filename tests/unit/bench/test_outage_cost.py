"""What postponed registrations cost: the formulas, and the table in docs/operations.md."""

import re

import pytest

from tests.unit.infra.deployments import deployment
from tools.bench.cost import DEV, PROD, Assumptions, Environment, Model, Prices
from tools.bench.outage_cost import OUTAGES, Outage, dollars, main
from tools.paths import ROOT

FREE = Prices(
    gb_second=0,
    ready_active_gb_second=0,
    million_executions=0,
    million_request_units=0,
    million_bus_operations=0,
    log_gb=0,
)


def test_every_try_is_sent_received_and_completed() -> None:
    outage = Outage(hours=1, waiting=1000, tries=20)

    assert outage.probes == 20 * 3600
    assert outage.operations == 3 * (1000 + outage.probes)


def test_accepting_stores_two_documents_and_a_try_reads_one_and_replaces_it_twice() -> None:
    outage = Outage(hours=0, waiting=1000)

    assert outage.request_units == 1000 * (2 * 11 + 2 + 11 + 11)


def test_register_deferred_works_through_the_outage_and_until_nobody_waits() -> None:
    outage = Outage(hours=1, waiting=3600, tries=0, drained=1)
    prices = Prices(gb_second=1, ready_active_gb_second=0.5)

    # Nine of every ten seconds of two hours, with 2 GB.
    assert dollars(outage, Model(DEV, prices))["Functions"] == pytest.approx(2 * 3600 * 0.9 * 2)
    assert dollars(outage, Model(PROD, prices))["Functions"] == pytest.approx(2 * 3600 * 0.9)


def test_a_database_with_throughput_bills_units_a_second_by_the_hour() -> None:
    outage = Outage(hours=0, waiting=100_000)

    serverless = dollars(outage, Model(DEV, Prices(million_request_units=1)))
    autoscale = dollars(outage, Model(PROD, Prices(autoscale_hundred_units_hour=1)))

    assert serverless["Cosmos DB"] == pytest.approx(4.6)
    assert autoscale["Cosmos DB"] == pytest.approx(4_600_000 / 3600 / 100)


def test_only_where_access_is_audited_each_request_to_the_database_is_logged() -> None:
    waiting, probing = Outage(hours=0, waiting=1_000_000), Outage(hours=1, waiting=0, tries=100)
    assumptions = Assumptions(kilobytes_traced=0, kilobytes_logged=1, kilobytes_audited=1, requests_executed=2)

    def logged(outage: Outage, environment: Environment) -> float:
        return dollars(outage, Model(environment, Prices(log_gb=1), assumptions))["Monitoring"]

    assert logged(waiting, DEV) == 0
    assert logged(waiting, PROD) == pytest.approx(3)
    # A probe runs send-kakao too.
    assert logged(probing, DEV) == pytest.approx(0.36)
    assert logged(probing, PROD) == pytest.approx(0.36 * (1 + 3 + 2))


def test_without_prices_nothing_costs() -> None:
    prod = Environment(ready=1, throughput=0, web_tests_month=0, traced=1, log_alerts=0, audited=True)

    for outage in OUTAGES.values():
        assert set(dollars(outage, Model(prod, FREE)).values()) == {0}


def test_a_drain_leaves_the_database_of_prod_room_for_new_registrations() -> None:
    [customers] = [
        container["properties"]["options"]["autoscaleSettings"]["maxThroughput"]
        for container in deployment("prod").all("Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers")
        if container["name"].endswith("/customers")
    ]
    outage = OUTAGES["three hours, 180,000 waiting"]

    # A registration costs 20 units in this container in any case, and 24 more if it was postponed.
    assert outage.drained * (20 + 24) < 0.6 * customers


def test_the_table_in_operations_md_is_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    main([])

    document = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    [table] = re.findall(r"^\| kakao is down .*?\n(?!\|)", document, re.MULTILINE | re.DOTALL)
    assert table == capsys.readouterr().out
