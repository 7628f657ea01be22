"""Which names a query (KQL) reads: as much of the language as the queries of alerts and workbook use."""

import re
from collections.abc import Iterator


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_COMMON = _set(
    "timestamp itemType itemId customDimensions customMeasurements operation_Name operation_Id operation_ParentId "
    "operation_SyntheticSource session_Id user_Id application_Version client_Type cloud_RoleName cloud_RoleInstance "
    "appId appName iKey sdkVersion _ResourceId _BilledSize"
)
_CALL = _set("id name success resultCode duration performanceBucket itemCount")

# https://learn.microsoft.com/azure/azure-monitor/app/data-model-complete
COLUMNS = {
    "requests": _COMMON | _CALL | {"source", "url"},
    "dependencies": _COMMON | _CALL | {"target", "type", "data"},
    "exceptions": _COMMON
    | _set("problemId type message method outerType outerMessage severityLevel details itemCount"),
    "traces": _COMMON | _set("message severityLevel itemCount"),
    "customMetrics": _COMMON | _set("name value valueCount valueSum valueMin valueMax valueStdDev"),
}
"""The columns of each table that is filled, as Application Insights names them."""

FUNCTIONS = _set(
    "ago bin coalesce count countif iff isempty isnotempty max max_of maxif percentile round sum sumif toint tostring"
)
WORDS = _set("and asc between by desc endswith false in or true")


def tables(query: str) -> set[str]:
    """The tables that a query begins with."""
    source = query.split("\n", 1)[0]
    return set(source.removeprefix("union ").split(", "))


def unknown_names(query: str) -> set[str]:
    """The names that are no column of the query's tables, nothing that the query has introduced, and no function."""
    _, *stages = _without_texts(query).split("|")
    known = frozenset[str]().union(*(COLUMNS[table] for table in tables(query)))
    unknown: set[str] = set()
    for stage in stages:
        operator, rest = stage.split(maxsplit=1)
        aggregates, _, groups = rest.partition(" by ") if operator == "summarize" else (rest, "", "")
        definitions = [*_definitions(aggregates), *_definitions(groups)]
        introduced = {name for name, _ in definitions if name}
        match operator:
            case "render":
                continue
            case "where" | "extend" | "summarize" | "order" | "top":
                unknown |= {name for _, expression in definitions for name in _names(expression) if name not in known}
            case _:
                unknown.add(operator)
        known = frozenset(introduced) if operator == "summarize" else known | introduced
    return unknown


def _without_texts(query: str) -> str:
    """The query with a plain name for ["…"], none for what is read from a dimension, and without texts."""
    query = re.sub(r'(\w)\["[^"]*"\]', r"\1", query)
    query = re.sub(r'\["([^"]*)"\]', lambda name: re.sub(r"\W+", "_", name[1]), query)
    return re.sub(r'"[^"]*"|\{TimeRange:grain\}', "0", query)


def _definitions(text: str) -> Iterator[tuple[str, str]]:
    """The parts between commas: the name that a part introduces, empty for none, and what it is worked out from."""
    for part in _parts(text):
        name, expression = re.fullmatch(r"(?:(\w+)\s*=(?!=))?(.*)", part, re.DOTALL).groups()  # type: ignore[union-attr]  # takes everything
        plain = re.fullmatch(r"[A-Za-z_]\w*", expression)
        yield name or (expression if plain else ""), expression


def _parts(text: str) -> Iterator[str]:
    """What commas separate that stand in no parentheses."""
    depth, part = 0, ""
    for character in text:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            yield part.strip()
            part = ""
        else:
            part += character
    if part.strip():
        yield part.strip()


def _names(expression: str) -> set[str]:
    """The names in an expression that have to be columns: all but words and functions of the language."""
    found = re.findall(r"\b([A-Za-z_]\w*)(\()?", expression)
    return {name for name, called in found if name not in (FUNCTIONS if called else WORDS)}
