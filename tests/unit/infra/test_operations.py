"""The table of settings in docs/operations.md is right."""

import re
import tomllib

from shared.settings import Settings
from tests.unit.infra.deployments import deployment
from tools.paths import LOCAL_AZURE_SETTINGS, ROOT
from tools.play.apps import APPS

ROW = re.compile(r"^\| `(\w+)` \| [^|]+ \| (?:`([^`]*)`|none) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
DOCUMENT = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
ROWS = {name: (default, local.strip(), azure.strip()) for name, default, local, azure in ROW.findall(DOCUMENT)}
NOT_SET = ("–", "never: identity")


def shown(default: object) -> str:
    """A default as the table shows it; empty for none."""
    if isinstance(default, frozenset):
        return ",".join(app for app in APPS if app in default)
    return "" if default is None else str(default)


def test_every_setting_is_listed_with_its_default() -> None:
    fields = {str(field.validation_alias or name.upper()): field for name, field in Settings.model_fields.items()}

    assert {name: row[0] for name, row in ROWS.items()} == {name: shown(f.default) for name, f in fields.items()}


def test_the_table_says_what_is_set_on_azure() -> None:
    present = {app: deployment("prod").settings(app).keys() & ROWS.keys() for app in APPS}

    for name, (_, _, azure) in ROWS.items():
        apps = {app for app in APPS if name in present[app]}
        assert (azure in NOT_SET) == (not apps), name
        named = set(azure.partition(":")[0].split(", ")) & set(APPS)
        assert apps in (set(), named, set(APPS)), name
        assert bool(named) == (0 < len(apps) < len(APPS)), name


def test_the_table_says_what_is_set_locally() -> None:
    local = tomllib.loads(LOCAL_AZURE_SETTINGS.read_text(encoding="utf-8"))

    for name, (_, column, _) in ROWS.items():
        apps = {app for app in APPS if name in local["apps"][app]["settings"]}
        assert (column == "`[settings]`") == (name in local["settings"]), name
        assert (column == "per app") == (apps == set(APPS)), name
        assert (column.partition(":")[0] in APPS) == (len(apps) == 1), name
        assert column != "–" or not apps, name


def test_the_table_has_the_database_timeout_of_the_kakao_app() -> None:
    local = tomllib.loads(LOCAL_AZURE_SETTINGS.read_text(encoding="utf-8"))["apps"]["kakao"]["settings"]

    _, locally, on_azure = ROWS["COSMOS_TIMEOUT_SECONDS"]
    assert locally == f"kakao: {local['COSMOS_TIMEOUT_SECONDS']}"
    assert on_azure == f"kakao: {deployment('prod').settings('kakao')['COSMOS_TIMEOUT_SECONDS']}"
