"""Compiles the syntax tree of a query into a `Selection` that runs it."""

from collections.abc import Mapping
from typing import NamedTuple

from local_azure.cosmos import errors
from local_azure.cosmos.query import syntax
from local_azure.cosmos.query.aggregates import AGGREGATES
from local_azure.cosmos.query.expressions import ExpressionCompiler, GroupedColumns, build_object
from local_azure.cosmos.query.scope import ROOT_SLOT, Evaluate, Results, Slots
from local_azure.cosmos.query.selection import Grouping, Order, Selection, Source, WindowExpressions
from local_azure.cosmos.query.syntax import Expression


class CompiledQuery(NamedTuple):
    """`root_names`: the aliases of the whole item. `slots`: how many a scope for it needs."""

    selection: Selection
    root_names: frozenset[str]
    slots: int


class _From(NamedTuple):
    """What FROM and JOIN bind. `aliases`: the slot of each name that the other clauses may use."""

    sources: tuple[Source, ...]
    aliases: dict[str, int]
    root_names: frozenset[str]


def compile_query(query: syntax.Query) -> CompiledQuery:
    """Raises query_error."""
    slots = Slots()
    origin = _compile_from(query.sources, {}, slots, top_level=True)
    return CompiledQuery(_compile_selection(query, origin, slots), origin.root_names, slots.count)


def compile_constant(expression: Expression) -> Evaluate:
    """For an expression that refers to no item."""
    return ExpressionCompiler({}, Slots(), _compile_subquery).compile(expression)


def _compile_subquery(query: syntax.Query, aliases: Mapping[str, int], slots: Slots) -> Results:
    selection = _compile_selection(query, _compile_from(query.sources, aliases, slots), slots)
    return lambda scope: selection.results(scope, (None,))


def _compile_from(
    clause: tuple[syntax.Source, ...], outer: Mapping[str, int], slots: Slots, *, top_level: bool = False
) -> _From:
    aliases = dict(outer)
    sources: list[Source] = []
    root_names: set[str] = set()
    for place, source in enumerate(clause):
        is_root = top_level and place == 0
        names = syntax.path_of(source.path)
        if is_root and names is not None:
            # Whatever FROM names first is the container, by any name.
            if len(names) == 1 and not source.iterate:
                aliases = {source.alias: ROOT_SLOT}
                root_names.add(source.alias)
                continue
            aliases = {names[0]: ROOT_SLOT}
        evaluate = _compile_source(source.path, aliases, slots)
        slot = slots.take()
        aliases = {source.alias: slot} if is_root else {**aliases, source.alias: slot}
        sources.append(Source(evaluate, slot, source.iterate))
    return _From(tuple(sources), aliases, frozenset(root_names))


def _compile_source(path: Expression, aliases: Mapping[str, int], slots: Slots) -> Evaluate:
    if isinstance(path, syntax.Subquery):
        results = _compile_subquery(path.query, aliases, slots)
        return lambda scope: list(results(scope))
    return ExpressionCompiler(aliases, slots, _compile_subquery).compile(path)


def _compile_selection(query: syntax.Query, origin: _From, slots: Slots) -> Selection:
    rows = ExpressionCompiler(origin.aliases, slots, _compile_subquery)
    where = rows.compile(query.where) if query.where is not None else None
    keys = tuple(rows.compile_all(query.group_by))
    if query.group_by and query.order_by:
        raise errors.not_supported("ORDER BY together with GROUP BY")
    grouping = None
    if query.group_by or any(_contains_aggregate(item.expression) for item in query.items):
        columns = GroupedColumns(query.group_by)
        groups = ExpressionCompiler(origin.aliases, slots, _compile_subquery, columns)
        project = _compile_projection(query, groups)
        grouping = Grouping(keys, tuple(columns.aggregates))
    else:
        project = _compile_projection(query, rows)
    window = (rows.compile(count) if count else None for count in (query.top, query.offset, query.limit))
    return Selection(
        sources=origin.sources,
        where=where,
        grouping=grouping,
        project=project,
        order=tuple(Order(rows.compile(item.expression), item.descending) for item in query.order_by),
        distinct=query.distinct,
        window_expressions=WindowExpressions(*window),
    )


def _compile_projection(query: syntax.Query, compiler: ExpressionCompiler) -> Evaluate:
    if not query.items:
        if compiler.is_grouped:
            raise errors.query_error("'SELECT *' cannot be grouped.", 0, 0, "SC2102")
        return compiler.compile(syntax.Name(query.sources[0].alias, 0, 0))
    if query.value:
        return compiler.compile(query.items[0].expression)
    members: list[tuple[str, Evaluate]] = []
    unnamed = 0
    for item in query.items:
        unnamed += item.alias is None
        members.append((item.alias or f"${unnamed}", compiler.compile(item.expression)))
    return build_object(members)


def _contains_aggregate(expression: Expression) -> bool:
    if isinstance(expression, syntax.Call) and expression.function in AGGREGATES:
        return True
    return any(_contains_aggregate(part) for part in syntax.parts_of(expression))
