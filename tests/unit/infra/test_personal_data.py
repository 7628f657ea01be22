"""What people paste from the page about customers' data."""

import re

from shared.domain.access_record import AccessRecord, Action, Reason, Target
from shared.resources import ACCESS_RECORDS, DATABASE
from tests.unit.infra.deployments import BICEP
from tools.paths import ROOT

DOCUMENT = (ROOT / "docs/personal-data.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)
COMMANDS = "\n".join(body for language, body in BLOCKS if not language)
QUERIES = [body for language, body in BLOCKS if language == "sql"]
OUTPUTS = set(re.findall(r"^output (\w+) ", (BICEP / "main.bicep").read_text(encoding="utf-8"), re.MULTILINE))


def test_every_name_in_a_command_is_an_output_or_set_before_it() -> None:
    set_here = set(re.findall(r"^(\w+)=\$\(", COMMANDS, re.MULTILINE))
    used = set(re.findall(r"\$\{?(\w+)", COMMANDS))

    assert {"COSMOS_ACCOUNT_NAME", "AZURE_RESOURCE_GROUP", "person"} <= used
    assert used <= OUTPUTS | set_here


def test_the_role_of_whoever_goes_through_the_records_is_for_their_container() -> None:
    assert re.findall(r"--scope (\S+)", COMMANDS) == [f"/dbs/{DATABASE}/colls/{ACCESS_RECORDS}"]


def test_the_page_has_every_reason_every_action_and_every_property() -> None:
    reasons = re.findall(r"^\| `([a-z-]+)` \| [a-z]", DOCUMENT.split("| `reason` | when |")[1], re.MULTILINE)[
        : len(Reason)
    ]
    properties = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", DOCUMENT.split("| property |")[1], re.MULTILINE))

    assert reasons == list(Reason)
    aliases = {field.alias for name, field in AccessRecord.model_fields.items() if name != "id"}
    assert properties.keys() == aliases
    assert set(re.findall(r"`(\w+)`", properties["action"])) == set(Action)
    assert set(re.findall(r"`(\w+)`", properties["target"])) == set(Target)


def test_a_query_reads_properties_of_records_or_customers() -> None:
    records = {str(field.alias) for field in AccessRecord.model_fields.values()}
    read = [set(re.findall(r"\bc\.(\w+)", query)) for query in QUERIES]

    assert len(QUERIES) == 4
    assert set().union(*read[:3]) <= records
