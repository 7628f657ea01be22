"""The semantics of queries, over values in memory."""

from typing import Any

import pytest

from local_azure.cosmos.errors import CosmosError
from local_azure.cosmos.query.engine import select_from

# 2027-01-15T08:00:00.25Z, in seconds since 1970.
NOW = 1_800_000_000.25
ITEMS: list[Any] = [
    {"id": "1", "name": "Kim", "age": 20, "tags": ["a", "b"], "address": {"city": "Seoul"}, "active": True},
    {"id": "2", "name": "Lee", "age": 30, "tags": [], "address": {"city": "Busan"}, "active": False},
    {"id": "3", "name": "Park", "age": None, "tags": ["b"], "active": 1},
    {"id": "4", "name": "Choi", "age": "30"},
]


def ids(condition: str, **parameters: Any) -> str:
    named = {f"@{name}": value for name, value in parameters.items()}
    query = f"SELECT VALUE c.id FROM c WHERE {condition}"  # noqa: S608  # the queries are what is tested
    return "".join(select_from(query, named, ITEMS, NOW))


def value(expression: str, **parameters: Any) -> Any:
    """The value of an expression; ... if it is undefined."""
    named = {f"@{name}": given for name, given in parameters.items()}
    results = select_from(f"SELECT VALUE {expression}", named, [], NOW)
    return results[0] if results else ...


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("c.age = 30", "2"),
        ("c.age != 30", "134"),
        ("NOT (c.age = 30)", "134"),
        ("c.age > 10", "12"),
        ("c.age = null", "3"),
        ("c.missing = null", ""),
        ("c.missing != 1", ""),
        ("NOT c.missing", ""),
        ("c.active = true", "1"),
        ("c.active = 1", "3"),
        ("c.active", "1"),
        ("c.missing = 1 OR c.id = '1'", "1"),
        ("NOT (c.missing = 1 AND c.id = '1')", "234"),
        ("c.age IN (20, '30')", "14"),
        ("c.age NOT IN (20, 30)", "34"),
        ("c.age BETWEEN 20 AND 30", "12"),
        ("c.age NOT BETWEEN 20 AND 25", "2"),
        ("c.address.city = 'Seoul'", "1"),
        ('c["address"]["city"] = "Seoul"', "1"),
        ("c.tags[0] = 'a'", "1"),
        ("c.address = {city: 'Busan'}", "2"),
        ("c.tags = ['b']", "3"),
        ("ARRAY_CONTAINS(c.tags, 'b')", "13"),
        ("IS_DEFINED(c.age)", "1234"),
        ("NOT IS_DEFINED(c.active)", "4"),
        ("IS_NULL(c.age)", "3"),
        ("STARTSWITH(c.name, 'k', true)", "1"),
        ("CONTAINS(c.name, 'ar')", "3"),
        ("c.name LIKE '%i%'", "14"),
        ("c.name LIKE '_ee'", "2"),
        ("c.name LIKE '[K-L]%'", "12"),
        ("c.name NOT LIKE '%i%'", "23"),
        ("c.age + 10 = 30", "1"),
        ("(c.missing ?? 'x') = 'x' AND c.id < '3'", "12"),
        ("c.id = @id", "4"),
        ("EXISTS (SELECT VALUE t FROM t IN c.tags WHERE t = 'a')", "1"),
        ("(SELECT VALUE COUNT(1) FROM t IN c.tags) = 2", "1"),
        ("c.name || c.id = 'Kim1'", "1"),
        ("LENGTH(c.name) = 4 AND c.id > '3'", "4"),
        ("c.id > '1' AND (c.id < '3' OR c.id >= '4')", "24"),
    ],
)
def test_a_condition_keeps_the_items_it_is_true_for(condition: str, expected: str) -> None:
    assert ids(condition, id="4") == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("1 + 2 * 3", 7),
        ("-(2 - 5)", 3),
        ("7 / 2", 3.5),
        ("6 / 2", 3),
        ("1 / 0", ...),
        ("-7 % 3", -1),
        ("1 + 'a'", ...),
        ("1 = 1.0", True),
        ("1 = true", False),
        ("'a' < 1", ...),
        ("null < 1", ...),
        ("true AND undefined", ...),
        ("false AND undefined", False),
        ("true OR undefined", True),
        ("5 & 3", 1),
        ("~5", -6),
        ("1 << 4", 16),
        ("-1 >>> 28", 15),
        ("true ? 'yes' : 'no'", "yes"),
        ("undefined ?? 2", 2),
        ("null ?? 2", None),
        ("'it\\'s \\u0041'", "it's A"),
        ('"double"', "double"),
        ("[1, undefined, 'a']", [1, "a"]),
        ("{a: 1, 'b': undefined, \"c\": [2]}", {"a": 1, "c": [2]}),
        ("@given.a[1]", "y"),
        ("CONCAT('a', 'b', 'c')", "abc"),
        ("SUBSTRING('hello', 1, 3)", "ell"),
        ("INDEX_OF('hello', 'l')", 2),
        ("REPLACE('hello', 'l', 'L')", "heLLo"),
        ("LEFT('hello', 2)", "he"),
        ("RIGHT('hello', 2)", "lo"),
        ("UPPER('aé')", "AÉ"),
        ("TOSTRING({a: 1})", '{"a":1}'),
        ("STRINGTONUMBER('1.5')", 1.5),
        ("STRINGTONUMBER('x')", ...),
        ("REGEXMATCH('Kim', '^k', 'i')", True),
        ("ROUND(2.5)", 3),
        ("ROUND(-2.5)", -3),
        ("FLOOR(-1.5)", -2),
        ("POWER(2, 10)", 1024),
        ("SQRT(-1)", ...),
        ("ABS('a')", ...),
        ("IS_INTEGER(2.0)", True),
        ("IS_PRIMITIVE([])", False),
        ("IS_STRING(undefined)", False),
        ("ARRAY_LENGTH([1, 2])", 2),
        ("ARRAY_SLICE([1, 2, 3], -2)", [2, 3]),
        ("ARRAY_CONTAINS([{a: 1, b: 2}], {a: 1}, true)", True),
        ("ARRAY_CONTAINS([{a: 1, b: 2}], {a: 1})", False),
        ("SETUNION([1, 2], [2, 3])", [1, 2, 3]),
        ("SETINTERSECT([1, 2], [2, 3])", [2]),
        ("DATETIMEADD('mm', 1, '2026-01-31T10:00:00.0000000Z')", "2026-02-28T10:00:00.0000000Z"),
        ("DATETIMEDIFF('hour', '2026-01-01T00:59:00Z', '2026-01-01T02:00:00Z')", 2),
        ("DATETIMEPART('day', '2026-01-31')", 31),
        ("GETCURRENTDATETIME()", "2027-01-15T08:00:00.2500000Z"),
        ("GETCURRENTTIMESTAMP()", 1_800_000_000_250),
        ("TICKSTODATETIME(GETCURRENTTICKS())", "2027-01-15T08:00:00.2500000Z"),
        ("TIMESTAMPTODATETIME(0)", "1970-01-01T00:00:00.0000000Z"),
    ],
)
def test_an_expression_has_the_value_in_the_reference(expression: str, expected: Any) -> None:
    result = value(expression, given={"a": ["x", "y"]})

    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT c.id, c.age AS years, c.missing FROM c WHERE c.id = '1'", [{"id": "1", "years": 20}]),
        ("SELECT c.address.city, c.age + 1 FROM c WHERE c.id = '1'", [{"city": "Seoul", "$1": 21}]),
        ("SELECT VALUE c.age FROM c", [20, 30, None, "30"]),
        ("SELECT TOP 1 VALUE c.id FROM c ORDER BY c.id DESC", ["4"]),
        ("SELECT VALUE c.id FROM c ORDER BY c.age", ["3", "1", "2", "4"]),
        ("SELECT VALUE c.id FROM c ORDER BY c.active DESC, c.id", ["3", "1", "2", "4"]),
        ("SELECT VALUE c.id FROM c ORDER BY c.active", ["2", "1", "3"]),
        ("SELECT VALUE c.id FROM c ORDER BY c.id OFFSET 1 LIMIT 2", ["2", "3"]),
        ("SELECT DISTINCT VALUE IS_NUMBER(c.age) FROM c", [True, False]),
        ("SELECT DISTINCT VALUE c.tags FROM c", [["a", "b"], [], ["b"]]),
        ("SELECT VALUE t FROM t IN c.tags", ["a", "b", "b"]),
        (
            "SELECT c.id, t AS tag FROM c JOIN t IN c.tags WHERE t = 'b'",
            [{"id": "1", "tag": "b"}, {"id": "3", "tag": "b"}],
        ),
        ("SELECT VALUE COUNT(1) FROM c", [4]),
        ("SELECT VALUE COUNT(c.active) FROM c", [3]),
        ("SELECT VALUE SUM(c.age) FROM c WHERE IS_NUMBER(c.age)", [50]),
        ("SELECT VALUE AVG(c.age) FROM c WHERE IS_NUMBER(c.age)", [25]),
        ("SELECT VALUE SUM(c.age) FROM c", []),
        ("SELECT VALUE MIN(c.name) FROM c", ["Choi"]),
        ("SELECT VALUE MAX(c.age) FROM c", ["30"]),
        ("SELECT COUNT(1) AS n, MAX(c.id) AS last FROM c WHERE c.id > '2'", [{"n": 2, "last": "4"}]),
        ("SELECT COUNT(1) AS n FROM c WHERE false", [{"n": 0}]),
        (
            "SELECT IS_NUMBER(c.age) AS numeric, COUNT(1) AS n FROM c GROUP BY IS_NUMBER(c.age)",
            [{"numeric": True, "n": 2}, {"numeric": False, "n": 2}],
        ),
        (
            "SELECT ARRAY(SELECT VALUE UPPER(t) FROM t IN c.tags) AS tags FROM c WHERE c.id = '1'",
            [{"tags": ["A", "B"]}],
        ),
        ("SELECT VALUE f FROM root.address AS f WHERE f.city = 'Busan'", [{"city": "Busan"}]),
        ("SELECT c.id AS value FROM c WHERE c.id = '1'", [{"value": "1"}]),
        ("SELECT VALUE {id: c.id} FROM c WHERE c.id = '1' -- a comment", [{"id": "1"}]),
        ("SELECT 1 AS one", [{"one": 1}]),
    ],
)
def test_a_query_returns_the_results_in_the_reference(query: str, expected: list[Any]) -> None:
    assert select_from(query, {}, ITEMS, NOW) == expected


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT * FRM c", "incorrect syntax near 'FRM'"),
        ("SELECT * FROM c WHERE", "unexpected end of the query"),
        ("SELECT * FROM c WHERE c.a ==", "incorrect syntax near '='"),
        ("SELECT * FROM c WHERE c.a = 'x", "invalid token near"),
        ("SELECT * FROM c WHERE d.a = 1", "Identifier 'd' could not be resolved"),
        ("SELECT * FROM c WHERE NOPE(c.a)", "'NOPE' is not a recognized built-in function name"),
        ("SELECT * FROM c WHERE UPPER(c.a, 1) = 'X'", "The UPPER function requires"),
        ("SELECT * FROM c WHERE udf.f(c)", "does not support user-defined functions"),
        ("SELECT * FROM c WHERE ST_DISTANCE(c.a, c.b) < 1", "does not support the function ST_DISTANCE"),
        ("SELECT c.id, COUNT(1) FROM c", "is not contained in either an aggregate function or the GROUP BY clause"),
        ("SELECT * FROM c WHERE COUNT(1) > 1", "only allowed in the select list"),
        ("SELECT * FROM c ORDER BY UPPER(c.id)", "could not be mapped to a document path"),
        ("SELECT * FROM c JOIN t IN c.tags", "only valid with a single input set"),
        ("SELECT TOP 'x' * FROM c", "incorrect syntax near ''x''"),
        ("SELECT TOP @top * FROM c", "take whole numbers"),
        ("SELECT VALUE @missing", "the parameter @missing"),
        ("SELECT VALUE " + "(" * 101 + "1" + ")" * 101, "nested more than 100 levels"),
        ("DROP TABLE c", "incorrect syntax near 'DROP'"),
    ],
)
def test_an_invalid_query_is_refused_with_its_position(query: str, message: str) -> None:
    with pytest.raises(CosmosError) as refused:
        select_from(query, {"@top": "many"}, ITEMS, NOW)

    assert refused.value.code == "BadRequest"
    assert message in refused.value.message
