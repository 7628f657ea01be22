"""Translates as much of a WHERE clause as possible to SQL.

The JSON functions of SQLite confuse true with 1, and a missing property with null. So a condition on a property only
narrows the search: it keeps every item that could match, and the compiled WHERE decides. Conditions on `id`, `_ts`, the
partition key and the paths with an index, which have columns of their own, are exact.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from local_azure.cosmos.limits import MAX_EXACT_INTEGER, MAX_PUSHED_CONSTANTS, MAX_PUSHED_TERMS
from local_azure.cosmos.query import syntax
from local_azure.cosmos.query.compiler import compile_constant
from local_azure.cosmos.query.scope import Evaluate, Scope
from local_azure.cosmos.query.syntax import Expression
from local_azure.cosmos.query.values import is_number
from local_azure.cosmos.store import order_keys, partition_keys
from local_azure.cosmos.store.indexing import IndexingPolicy, PropertyPath

_FLIPPED = {"=": "=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}


class Condition(NamedTuple):
    """A condition in SQL. `column`: the only one that it is about; None if SQLite has to look into the JSON text.

    `operator`: = < > <= >= IN. `exact`: false if it also keeps items that do not match.
    """

    column: str | None
    operator: str
    sql: str
    parameters: list[Any]
    exact: bool = True


class Search(NamedTuple):
    """`exact`: whether the conditions are equivalent to WHERE. `one_key`: whether they fix the partition key."""

    conditions: list[Condition]
    exact: bool
    one_key: bool


_NOTHING = Condition(None, "=", "0", [])  # that no row satisfies


class _Term(NamedTuple):
    """`operator`: = < > <= >= IN"""

    path: PropertyPath
    operator: str
    constants: list[Evaluate]


class Plan:
    """The translatable terms of a WHERE clause. `key_paths`: those of the partition key of the container."""

    def __init__(
        self,
        where: Expression | None,
        root_names: frozenset[str],
        key_paths: tuple[PropertyPath, ...],
    ) -> None:
        self._key_paths = key_paths
        reader = _TermReader(root_names)
        self._terms: list[_Term] = []
        complete = True
        for conjunct in _conjuncts(where):
            term = reader.read(conjunct)
            complete = complete and term is not None
            term = term or reader.ids_of_alternatives(conjunct)
            if term is not None:
                self._terms.append(term)
        self._complete = complete and len(self._terms) <= MAX_PUSHED_TERMS
        del self._terms[MAX_PUSHED_TERMS:]

    def search(self, scope: Scope, indexing: IndexingPolicy) -> Search:
        """The search for the query parameters in `scope`."""
        conditions: list[Condition] = []
        exact = self._complete
        key: dict[PropertyPath, Any] = {}
        for term in self._terms:
            constants = [evaluate(scope) for evaluate in term.constants]
            if term.operator == "=" and not isinstance(constants[0], list | dict):
                key[term.path] = constants[0]
            rendered = _render(term, constants, self._key_paths, indexing.column(term.path))
            exact = exact and bool(rendered) and all(condition.exact for condition in rendered)
            conditions += rendered
        one_key = all(path in key for path in self._key_paths)
        if one_key and len(self._key_paths) > 1:
            conditions.append(_of_partition([key[path] for path in self._key_paths]))
        return Search(conditions, exact, one_key)


class _TermReader:
    def __init__(self, root_names: frozenset[str]) -> None:
        self._root_names = root_names

    def read(self, expression: Expression) -> _Term | None:
        match expression:
            case syntax.Binary(operator, left, right) if operator in _FLIPPED:
                return self._term(left, operator, [right]) or self._term(right, _FLIPPED[operator], [left])
            case syntax.In(operand, options):
                return self._term(operand, "IN", list(options))
            case _:
                return None

    def ids_of_alternatives(self, expression: Expression) -> _Term | None:
        """`c.id IN (a, b)` for `(c.id = a AND …) OR (c.id = b AND …)`, which `read_items` of the SDKs sends."""
        if not isinstance(expression, syntax.Logical) or expression.operator != "OR":
            return None
        constants: list[Evaluate] = []
        for alternative in expression.operands:
            terms = (self.read(conjunct) for conjunct in _conjuncts(alternative))
            ids = [term for term in terms if term and term.path == ("id",) and term.operator in {"=", "IN"}]
            if not ids:
                return None
            constants += ids[0].constants
        return _Term(("id",), "IN", constants)

    def _term(self, operand: Expression, operator: str, constants: list[Expression]) -> _Term | None:
        names = syntax.path_of(operand)
        if names is None or len(names) < 2 or names[0] not in self._root_names:
            return None
        if not all(syntax.is_constant(constant) for constant in constants):
            return None
        return _Term(names[1:], operator, [compile_constant(constant) for constant in constants])


def _conjuncts(expression: Expression | None) -> Iterator[Expression]:
    match expression:
        case None:
            return
        case syntax.Logical("AND", operands):
            for operand in operands:
                yield from _conjuncts(operand)
        case syntax.Between(operand, low, high):
            yield syntax.Binary(">=", operand, low)
            yield syntax.Binary("<=", operand, high)
        case _:
            yield expression


def _render(
    term: _Term, constants: list[Any], key_paths: tuple[PropertyPath, ...], column: str | None
) -> list[Condition]:
    """`column`: that of the order keys, if the path has an index. Empty if SQLite cannot evaluate the term."""
    if len(constants) > MAX_PUSHED_CONSTANTS or not all(_can_be_bound(constant) for constant in constants):
        return []
    if term.path == ("id",):
        return [_of_column("id", term.operator, [value for value in constants if type(value) is str])]
    if term.path == ("_ts",):
        return [_of_column("ts", term.operator, [value for value in constants if is_number(value)])]
    if key_paths == (term.path,) and term.operator == "=" and not isinstance(constants[0], list | dict):
        return [_of_partition(constants)]
    if column is not None:
        return _of_order_key(column, term.operator, constants)
    return _of_property(term, constants)


def _of_partition(components: list[Any]) -> Condition:
    return Condition("partition_key", "=", "partition_key = ?", [partition_keys.of_values(components)])


def _of_column(column: str, operator: str, constants: list[Any]) -> Condition:
    """`constants`: those of the type of the column; others match nothing."""
    if not constants:
        return _NOTHING
    if operator == "IN":
        return Condition(column, "IN", f"{column} IN ({_marks(constants)})", constants)
    return Condition(column, operator, f"{column} {operator} ?", constants)


def _of_order_key(column: str, operator: str, constants: list[Any]) -> list[Condition]:
    keys: list[Any] = [order_keys.encode(constant) for constant in constants]
    exact = all(order_keys.is_exact(constant) for constant in constants)
    if operator == "=":
        return [Condition(column, "=", f"{column} = ?", keys, exact)]
    if operator == "IN":
        return [Condition(column, "IN", f"{column} IN ({_marks(keys)})", keys, exact)]
    if isinstance(constants[0], list | dict):
        return [_NOTHING]  # arrays and objects have no order
    # Only values of the same type are less or greater.
    lowest, end = order_keys.bounds_of_type(constants[0])
    other = (">=", lowest) if operator in {"<", "<="} else ("<", end)
    bounds = [(operator if exact else operator[0] + "=", keys[0]), other]
    return [Condition(column, sign, f"{column} {sign} ?", [key], exact) for sign, key in bounds]


def _of_property(term: _Term, constants: list[Any]) -> list[Condition]:
    if not all(name.isascii() and name.isprintable() and '"' not in name and "\\" not in name for name in term.path):
        return []
    path = "$" + "".join(f'."{name}"' for name in term.path)
    if term.operator in {"=", "IN"}:
        if not all(_compares_exactly(constant) for constant in constants):
            return []
        sql = f"json_extract(body, ?) IN ({_marks(constants)})"
        return [Condition(None, "IN", sql, [path, *constants], exact=False)]
    if type(constants[0]) is str and "\0" not in constants[0]:
        # SQLite cuts a text at its first NUL: a greater text may look equal.
        operator = ">=" if term.operator == ">" else term.operator
        return [Condition(None, operator, f"json_extract(body, ?) {operator} ?", [path, *constants], exact=False)]
    return []


def _marks(constants: list[Any]) -> str:
    return ", ".join("?" * len(constants))


def _compares_exactly(constant: Any) -> bool:
    """Whether SQLite finds all equal values.

    For SQLite, fractions may differ in the last bit, null is not equal to null, and a text ends at its first NUL.
    """
    if is_number(constant):
        return float(constant).is_integer() and abs(constant) <= MAX_EXACT_INTEGER
    return type(constant) is bool or (type(constant) is str and "\0" not in constant)


def _can_be_bound(constant: Any) -> bool:
    if type(constant) is int:
        return abs(constant) < 2**63
    if type(constant) is str and not constant.isascii():
        try:
            constant.encode("utf-8")
        except UnicodeEncodeError:
            return False
    return True
