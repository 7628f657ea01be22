"""What operators paste from the documents: names of resources, and queries."""

import re
import textwrap

import pytest

from tests.unit.infra.deployments import BICEP, deployment
from tests.unit.infra.kql import COLUMNS, tables, unknown_names
from tools.delivery.deployment import EVENT_FUNCTIONS
from tools.paths import ROOT

DOCUMENT = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
OUTPUTS = set(re.findall(r"^output (\w+) ", (BICEP / "main.bicep").read_text(encoding="utf-8"), re.MULTILINE))
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)
# In code blocks and between backticks.
COMMANDS = [
    command
    for text in [body for language, body in BLOCKS if not language] + re.findall(r"`([^`\n]+)`", DOCUMENT)
    for command in re.findall(r"\baz [a-z].*", text.replace("\\\n", " "))
]
QUERIES = [body for language, body in BLOCKS if language == "kql"]
DELIVERY = (ROOT / "docs/delivery.md").read_text(encoding="utf-8")
[INSTANCES] = re.findall(r"```kql\n(.*?)\n +```", DELIVERY, re.DOTALL)
# Before the first deployment there are no outputs.
FIRST_DEPLOYMENT = DOCUMENT.split("## From nothing in fifteen minutes")[1].split("\n## ")[0]
NAME_TO_FILL_IN = re.compile(r"--(?:resource-group|account-name|vault-name|namespace-name|app|name) (?:rg-|[A-Z])")


def test_every_name_in_a_command_is_an_output_or_set_beside_it() -> None:
    set_here = set(re.findall(r"(?m)(?:^|\s)(\w+)=\$\(|\bfor (\w+) in|^export (\w+)=", DOCUMENT))
    known = OUTPUTS | {name for names in set_here for name in names}
    used = {name for command in COMMANDS for name in re.findall(r"\$\{?(\w+)", command)}

    assert {"COSMOS_ACCOUNT_NAME", "SERVICE_BUS_NAMESPACE", "AZURE_RESOURCE_GROUP", "KEY_VAULT_NAME"} <= used
    assert used <= known


def test_no_command_on_an_environment_has_a_name_to_fill_in() -> None:
    later = [command for command in COMMANDS if re.split(r"\s{2,}", command)[0] not in FIRST_DEPLOYMENT]

    assert len(later) > 10
    assert [command for command in later if NAME_TO_FILL_IN.search(command)] == []


def test_there_is_a_query_for_errors_for_a_trace_and_for_failing_functions() -> None:
    assert [len(tables(query)) for query in QUERIES] == [2, 4, 1]


@pytest.mark.parametrize("query", [*QUERIES, textwrap.dedent(INSTANCES)])
def test_a_query_to_paste_reads_existing_tables_and_columns(query: str) -> None:
    assert tables(query) <= COLUMNS.keys()
    assert unknown_names(query) == set()


def test_a_misspelt_column_in_a_projection_is_found() -> None:
    assert unknown_names("requests\n| project timestamp, nam\n| where name == 1") == {"nam", "name"}


def test_the_alerts_of_severity_1_are_those_that_must_wake_somebody() -> None:
    here = deployment("prod")
    alerts = [*here.all("Microsoft.Insights/metricAlerts"), *here.all("Microsoft.Insights/scheduledQueryRules")]
    severe = {alert["properties"]["description"] for alert in alerts if alert["properties"]["severity"] == 1}
    page = DOCUMENT.split("### Be woken")[1].split("\n##")[0]

    named = set(re.findall(r"\(#(alert-[a-z-]+)\)", page))

    assert named == {name for text in severe for name in re.findall(r"#(alert-[a-z0-9-]+)", text)}


def test_the_query_for_old_instances_names_all_event_functions() -> None:
    assert set(re.findall(r'"([\w-]+)"', INSTANCES)) == set(EVENT_FUNCTIONS)
