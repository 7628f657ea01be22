"""Alerts and workbook: they query only what the code emits, and say what to do."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import azure.functions as func
import pytest

from functions import customer, customer_view, kakao, registration
from shared import metrics
from shared.domain.forgetting import FORGET_AFTER
from shared.domain.registration import LONGEST_PAUSE, RegistrationStatus
from shared.metrics import BREAKER_STATES, METRICS
from shared.resources import EVENTS_SET_ASIDE, REGISTRATIONS_POSTPONED
from shared.settings import Settings
from shared.use_cases.forgetting import SCHEDULE
from tests.unit.infra.deployments import BICEP, ENVIRONMENTS, deployment, foundation
from tests.unit.infra.kql import COLUMNS, tables, unknown_names
from tools.paths import ROOT
from tools.play.apps import APPS

REQUIRED_ALERTS = {
    "availability-gateway",
    "availability-customer",
    "availability-kakao",
    "availability-customerview",
    "availability-web",
    "availability-my-page",
    "failure-ratio",
    "p95",
    "breaker-open",
    "registrations-waiting",
    "registrations-expired",
    "register-deferred",
    "oldest-message",
    "dead-letters",
    "set-aside",
    "outbox-age",
    "database-throttling",
    "refused-tokens",
    "sign-ins",
    "expired-messages",
    "forgetting",
    "no-traffic",
}
"""The alerts that must exist. The budget is not an alert rule."""

CAUSES = {
    "oldest-message": {
        'name == "ssak8.outbox.age"': 'name == "ssak8.view.age"',
        'name == "ssak8.cancellations"': 'name == "ssak8.alert.age"',
    },
    "outbox-age": {'name != "ssak8.outbox.age"': 'name == "ssak8.outbox.age"'},
}
"""Alert → the metrics of causes, and those of the consequences whose absence it reports."""

LOOK_BACK_MINUTES = 360
EXPORT_MINUTES = 1
"""How often a process exports its metrics (the default of OTEL_METRIC_EXPORT_INTERVAL)."""

LOG_ALERTS = "Microsoft.Insights/scheduledQueryRules"
WORKBOOK_RESOURCES = {
    "{componentId}": "Microsoft.Insights/components",
    "{cosmosDbId}": "Microsoft.DocumentDB/databaseAccounts",
    "{serviceBusId}": "Microsoft.ServiceBus/namespaces",
}
METRIC_ALERTS = "Microsoft.Insights/metricAlerts"
WORKBOOK = json.loads((BICEP / "workbook.json").read_text(encoding="utf-8"))
OPERATIONS = (ROOT / "docs/operations.md").read_text(encoding="utf-8")

every_environment = pytest.mark.parametrize("environment", ENVIRONMENTS)


def workbook_queries() -> dict[str, str]:
    return {item["name"]: item["content"]["query"] for item in WORKBOOK["items"] if item["type"] == 3}


def alert_queries(environment: str) -> dict[str, str]:
    return {
        alert["name"]: criterion["query"].strip()
        for alert in deployment(environment).all(LOG_ALERTS)
        for criterion in alert["properties"]["criteria"]["allOf"]
    }


QUERIES = workbook_queries() | alert_queries("prod")
every_query = pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES.keys())


def function_names() -> set[str]:
    app = func.FunctionApp()
    for blueprint in (customer.blueprint, customer_view.blueprint, kakao.blueprint, registration.blueprint):
        app.register_functions(blueprint)
    return {str(function.get_function_name()) for function in app.get_functions()}


def compared(query: str, column: str) -> set[str]:
    """The strings that a query compares a column with."""
    lists = re.findall(rf"\b{column} (?:==|!=|in|!in) (\([^)]*\)|\"[^\"]*\")", query)
    return {text for found in lists for text in re.findall(r'"([^"]*)"', found)}


def headings(markdown: str) -> set[str]:
    """The anchors of a page, as GitHub builds them."""
    titles = re.findall(r"^#+ (.+)$", markdown, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def alerts(environment: str) -> Iterator[dict[str, Any]]:
    here = deployment(environment)
    yield from here.all(LOG_ALERTS)
    yield from here.all(METRIC_ALERTS)


@every_query
def test_a_query_reads_tables_that_the_system_fills(query: str) -> None:
    assert tables(query)
    assert tables(query) <= COLUMNS.keys()


@every_query
def test_a_query_reads_existing_columns(query: str) -> None:
    assert unknown_names(query) == set()


@pytest.mark.parametrize(
    ("query", "unknown"),
    [
        ("requests\n| where cloud_RolName == 1", {"cloud_RolName"}),
        ("customMetrics\n| summarize sum(duration) by name", {"duration"}),
        ("requests\n| extend a = isempti(url)", {"isempti"}),
        ("requests\n| summarize calls = count() by name\n| where call > 1", {"call"}),
        ("requests\n| summarize calls = count() by name\n| where url == name", {"url"}),
        ('requests\n| extend ["A, b"] = success\n| order by ["A, c"] desc', {"A_c"}),
        ("requests\n| wher success", {"wher"}),
    ],
)
def test_a_misspelt_name_in_a_query_is_found(query: str, unknown: set[str]) -> None:
    assert unknown_names(query) == unknown


@every_query
def test_a_query_reads_metrics_that_the_code_emits(query: str) -> None:
    mentioned = set(re.findall(r"ssak8\.[\w.]*\w", query))

    assert mentioned <= METRICS.keys()
    if tables(query) == {"customMetrics"}:
        assert mentioned
        assert compared(query, "name") == mentioned


@every_query
def test_a_query_reads_existing_attributes_of_its_metrics(query: str) -> None:
    attributes = set(re.findall(r'customDimensions\["([^"]+)"\]', query))
    metrics = re.findall(r"ssak8\.[\w.]*\w", query)

    assert query.count("customDimensions") == len(attributes)
    assert all(attributes <= set(METRICS[metric]) for metric in metrics)
    assert metrics or not attributes


@every_query
def test_a_query_names_existing_apps_and_functions(query: str) -> None:
    assert compared(query, "cloud_RoleName") <= set(APPS)
    assert compared(query, "operation_Name") <= function_names()


def test_the_workbook_shows_every_metric() -> None:
    shown = {metric for query in workbook_queries().values() for metric in compared(query, "name")}

    assert shown == METRICS.keys()


def test_the_breaker_alert_fires_for_an_open_breaker() -> None:
    [query] = [query for name, query in alert_queries("prod").items() if "breaker-open" in name]

    assert re.findall(r"state >= (\d)", query) == [str(BREAKER_STATES["open"])]


def test_the_alert_for_expired_registrations_reads_a_status_that_exists() -> None:
    [query] = [query for name, query in alert_queries("prod").items() if "registrations-expired" in name]

    assert compared(query, "status") == {RegistrationStatus.EXPIRED}


def test_the_alerts_for_those_who_wait_read_what_the_function_reports_while_it_runs() -> None:
    # It reports 0 while nobody waits, so silence means that it does not run.
    [waiting, silence] = [
        query
        for alert in ("registrations-waiting", "register-deferred")
        for name, query in alert_queries("prod").items()
        if f"-{alert}-" in name
    ]

    assert compared(waiting, "name") == compared(silence, "name") == {"ssak8.registration.oldest"}
    assert "max(valueMax)" in waiting
    [seconds] = re.findall(r"seconds > (\d+)", waiting)
    assert LONGEST_PAUSE < int(seconds) < Settings.model_fields["registration_lifetime_seconds"].default
    assert re.search(r"reported = count\(\)\n\| where reported == 0$", silence)


def test_the_alert_for_signing_in_reads_outcomes_that_exist() -> None:
    [query] = [query for name, query in alert_queries("prod").items() if "-sign-ins-" in name]
    described = metrics.count_sign_in.__doc__ or ""

    assert compared(query, "outcome") == {"signed-in", "refused", "unavailable"}
    assert all(outcome in described for outcome in compared(query, "outcome"))
    # Who cancels is refused, too; and whoever calls the address that Kakao sends people back to.
    assert query.splitlines()[-1] == "| where unavailable >= 3 or (refused >= 10 and entered == 0)"


def test_each_function_that_forgets_is_missed_long_before_the_law_is_broken() -> None:
    [rule] = [rule["properties"] for rule in deployment("prod").all(LOG_ALERTS) if "-forgetting-" in rule["name"]]
    [query] = [criterion["query"] for criterion in rule["criteria"]["allOf"]]
    forgetting = {name for name in function_names() if name.startswith("forget-")}

    assert compared(query, "operation_Name") == forgetting
    assert re.search(rf"where functions < {len(forgetting)}$", query.strip())
    assert rule["overrideQueryTimeRange"] == "P1D"
    # A tenth of the runs is sampled: fewer than one day in a million has none of a function that runs.
    [minutes] = re.findall(r"^\d+ \*/(\d+) \* \* \* \*$", SCHEDULE)
    runs = timedelta(days=1) / timedelta(minutes=int(minutes))
    assert timedelta(days=4) < FORGET_AFTER
    assert 0.9**runs < 1e-6


@pytest.mark.parametrize("alert", CAUSES)
def test_an_alert_reports_what_stands_still_but_not_late_metrics(alert: str) -> None:
    [rule] = [rule["properties"] for rule in deployment("prod").all(LOG_ALERTS) if f"-{alert}-" in rule["name"]]
    [criterion] = rule["criteria"]["allOf"]
    looked_at = r"( and timestamp between \(ago\((\d+)m\) \.\. ago\((\d+)m\)\))?"
    last = {
        name: (of, oldest and int(oldest), newest and int(newest))
        for name, of, _, oldest, newest in re.findall(
            rf'(\w+) = maxif\(timestamp, (name .= "[\w.]+"){looked_at}\)', criterion["query"]
        )
    }

    conditions = re.findall(r"(\w+) > coalesce\((\w+), ago\((\d+)m\)\) \+ (\d+)m", criterion["query"])

    assert {last[cause][0]: last[consequence][0] for cause, consequence, _, _ in conditions} == CAUSES[alert]
    # It keeps firing for as long as it looks back, and is not resolved as soon as the cause leaves a shorter window.
    assert (rule["overrideQueryTimeRange"], rule["evaluationFrequency"]) == (f"PT{LOOK_BACK_MINUTES // 60}H", "PT5M")
    # A late event fires only once.
    assert re.search(r"seconds = maxif\(valueMax, .* and timestamp > ago\(15m\)\)", criterion["query"])
    for cause, consequence, window, slack in conditions:
        _, oldest, newest = last[cause]
        # A cause may be exported up to one interval later than its consequence, and clocks differ.
        assert int(slack) > EXPORT_MINUTES
        # If the consequence was exported first, it is still in the window.
        assert oldest == int(window) - int(slack) == LOOK_BACK_MINUTES - int(slack)
        # The consequence had time to happen and to be exported, and no cause is missed between two evaluations.
        assert newest >= 5
        assert oldest - newest > 5
        # A consequence counts whenever it was exported.
        assert last[consequence][1:] == ("", "")


def test_the_workbook_answers_an_operators_first_questions() -> None:
    texts = [item["content"]["json"] for item in WORKBOOK["items"] if item["type"] == 1]
    questions = re.findall(r"^## (.+)$", "\n".join(texts), re.MULTILINE)

    assert questions == [
        "Is it up?",
        "How fast?",
        "How many registered and cancelled?",
        "Who waits?",
        "What is stuck?",
        "Who looks at customers' data?",
        "Who is forgotten?",
        "What does it cost?",
    ]
    names = [item["name"] for item in WORKBOOK["items"]]
    assert len(names) == len(set(names))


@every_environment
def test_the_deployed_workbook_is_the_file_with_the_resources_of_the_environment(environment: str) -> None:
    here = deployment(environment)
    expected = (BICEP / "workbook.json").read_text(encoding="utf-8")
    for name, resource_type in WORKBOOK_RESOURCES.items():
        assert expected.count(name)
        expected = expected.replace(name, here.one(resource_type)["id"])

    deployed = here.one("Microsoft.Insights/workbooks")["properties"]
    assert deployed["serializedData"] == expected, "workbook.json has changed: infra/bicep/check --update"
    assert deployed["sourceId"] == here.one("Microsoft.Insights/components")["id"]


@every_environment
def test_every_required_alert_exists_and_is_enabled_where_somebody_relies_on_it(environment: str) -> None:
    here = deployment(environment)
    rules = {
        alert["name"].removeprefix("alert-").removesuffix(f"-{here.token}"): alert["properties"]["enabled"]
        for alert in alerts(environment)
    }

    assert rules.keys() >= REQUIRED_ALERTS
    silent = {name for name, enabled in rules.items() if not enabled}
    unattended = {
        "no-traffic",
        "register-deferred",
        "forgetting",
        *(f"availability-{target}" for target in ("gateway", "my-page", *APPS)),
    }
    assert silent == (unattended if environment == "dev" else set())
    assert foundation(environment).one("Microsoft.Consumption/budgets")["properties"]["amount"] > 0


@every_environment
def test_a_message_that_was_put_aside_is_reported(environment: str) -> None:
    [rule] = [
        rule["properties"] for rule in deployment(environment).all(METRIC_ALERTS) if "-set-aside-" in rule["name"]
    ]
    [criterion] = rule["criteria"]["allOf"]

    assert (criterion["metricName"], criterion["operator"], criterion["threshold"]) == (
        "ActiveMessages",
        "GreaterThan",
        0,
    )
    assert [dimension["values"] for dimension in criterion["dimensions"]] == [[EVENTS_SET_ASIDE]]


@every_environment
def test_postponed_registrations_are_no_backlog_of_messages(environment: str) -> None:
    # While kakao is down, they wait in their queue by the thousand, as they should.
    [rule] = [rule for rule in deployment(environment).all(METRIC_ALERTS) if "-active-messages-" in rule["name"]]
    [criterion] = rule["properties"]["criteria"]["allOf"]

    assert criterion["dimensions"] == [
        {"name": "EntityName", "operator": "Exclude", "values": [REGISTRATIONS_POSTPONED]}
    ]


@every_environment
def test_a_rule_is_accepted_although_nothing_has_been_logged_yet(environment: str) -> None:
    # A new component has no tables, and Azure would refuse a query for one.
    rules = deployment(environment).all(LOG_ALERTS)

    assert rules
    assert all(rule["properties"]["skipQueryValidation"] is True for rule in rules)


@every_environment
def test_every_alert_links_to_its_instructions(environment: str) -> None:
    described = 0
    for alert in alerts(environment):
        page, _, anchor = alert["properties"]["description"].rpartition(" ")[2].partition("#")
        assert page == "docs/operations.md"
        assert anchor.startswith("alert-")
        assert anchor in headings(OPERATIONS)
        described += 1
    assert described


def test_every_paragraph_about_an_alert_is_linked() -> None:
    linked = {alert["properties"]["description"].rpartition("#")[2] for alert in alerts("prod")}

    # The budget is not an alert rule and has no description.
    assert {anchor for anchor in headings(OPERATIONS) if anchor.startswith("alert-")} == linked | {"alert-budget"}


@every_environment
def test_every_alert_and_the_budget_notify_the_operator(environment: str) -> None:
    here = deployment(environment)
    group = here.one("Microsoft.Insights/actionGroups")["id"]
    budget = foundation(environment).one("Microsoft.Consumption/budgets")["properties"]
    [operator] = here.one("Microsoft.Insights/actionGroups")["properties"]["emailReceivers"]

    for alert in here.all(LOG_ALERTS):
        assert alert["properties"]["actions"]["actionGroups"] == [group]
    for alert in here.all(METRIC_ALERTS):
        assert alert["properties"]["actions"] == [{"actionGroupId": group}]
    addresses = [notification["contactEmails"] for notification in budget["notifications"].values()]
    assert addresses == [[operator["emailAddress"]]] * 2


def test_the_availability_of_gateway_and_apps_is_tested_where_somebody_relies_on_it() -> None:
    prod = deployment("prod")
    tests = {
        test["properties"]["Name"]: test["properties"]["Request"] for test in prod.all("Microsoft.Insights/webtests")
    }

    assert tests.keys() == {"gateway", "my-page", *APPS}
    assert tests["my-page"]["RequestUrl"] == f"{prod.outputs['MY_PAGE_URL']}/"
    for app in APPS:
        assert "/health'" in tests[app]["RequestUrl"]
        assert f"/sites/func-{app}-{prod.token}'" in tests[app]["RequestUrl"]
    for environment, attended in (("dev", False), ("prod", True)):
        enabled = {test["properties"]["Enabled"] for test in deployment(environment).all("Microsoft.Insights/webtests")}
        assert enabled == {attended}
