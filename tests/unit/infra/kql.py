"""The names that a query (KQL) reads. Knows the part of the language that alerts, workbook and runbook use."""

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
"""The columns of each table that the system fills, as Application Insights names them."""

FUNCTIONS = _set(
    "ago bin coalesce count countif datetime dcount iff isempty isnotempty max max_of maxif min percentile round sum "
    "sumif toint tostring"
)
KEYWORDS = _set("and asc between by desc endswith false in or true")


def tables(query: str) -> set[str]:
    """The tables that a query reads."""
    source = query.split("\n", 1)[0]
    return set(source.removeprefix("union ").split(", "))


def unknown_names(query: str) -> set[str]:
    """The names that are neither columns of the query's tables, nor defined by the query, nor functions."""
    _, *stages = _without_strings(query).split("|")
    known = frozenset[str]().union(*(COLUMNS[table] for table in tables(query)))
    unknown: set[str] = set()
    for stage in stages:
        operator, rest = stage.split(maxsplit=1)
        aggregates, _, groups = rest.partition(" by ") if operator == "summarize" else (rest, "", "")
        definitions = [*_definitions(aggregates), *_definitions(groups)]
        defined = {name for name, _ in definitions if name}
        match operator:
            case "render":
                continue
            case "where" | "extend" | "summarize" | "project" | "order" | "top":
                unknown |= {name for _, expression in definitions for name in _names(expression) if name not in known}
            case _:
                unknown.add(operator)
        known = frozenset(defined) if operator in ("summarize", "project") else known | defined
    return unknown


def _without_strings(query: str) -> str:
    """The query with plain names for ["…"], without the keys of dimensions, and without strings."""
    query = re.sub(r'(\w)\["[^"]*"\]', r"\1", query)
    query = re.sub(r'\["([^"]*)"\]', lambda name: re.sub(r"\W+", "_", name[1]), query)
    return re.sub(r'"[^"]*"|\{TimeRange:grain\}|(?<=datetime\()[^)]*', "0", query)


def _definitions(text: str) -> Iterator[tuple[str, str]]:
    """The parts between commas: the name that each defines, empty for none, and its expression."""
    for part in _parts(text):
        name, expression = re.fullmatch(r"(?:(\w+)\s*=(?!=))?(.*)", part, re.DOTALL).groups()  # type: ignore[union-attr]  # matches everything
        plain = re.fullmatch(r"[A-Za-z_]\w*", expression)
        yield name or (expression if plain else ""), expression


def _parts(text: str) -> Iterator[str]:
    """Splits at the commas outside parentheses."""
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
    """The names in an expression that must be columns: all but the keywords and functions of the language."""
    found = re.findall(r"\b([A-Za-z_]\w*)(\()?", expression)
    return {name for name, called in found if name not in (FUNCTIONS if called else KEYWORDS)}
