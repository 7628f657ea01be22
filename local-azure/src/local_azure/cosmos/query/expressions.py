"""Compiles the syntax tree of an expression into a closure that returns its value."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from local_azure.cosmos import errors
from local_azure.cosmos.query import operators, syntax
from local_azure.cosmos.query.aggregates import AGGREGATES
from local_azure.cosmos.query.functions import FUNCTIONS, NOT_SUPPORTED
from local_azure.cosmos.query.scope import Evaluate, Results, Scope, Slots
from local_azure.cosmos.query.selection import AggregateCall
from local_azure.cosmos.query.syntax import Expression
from local_azure.cosmos.query.values import UNDEFINED, equal

type SubqueryCompiler = Callable[[syntax.Query, Mapping[str, int], Slots], Results]


class GroupedColumns:
    """The select list of a grouped query: what it may refer to (GROUP BY), and the aggregates found in it."""

    def __init__(self, expressions: tuple[Expression, ...]) -> None:
        self.expressions = expressions
        self.aggregates: list[AggregateCall] = []


class ExpressionCompiler:
    """`aliases`: the slot of each name in scope. With `columns`, expressions are about groups instead of rows."""

    def __init__(
        self,
        aliases: Mapping[str, int],
        slots: Slots,
        compile_subquery: SubqueryCompiler,
        columns: GroupedColumns | None = None,
    ) -> None:
        self._aliases = aliases
        self._slots = slots
        self._compile_subquery = compile_subquery
        self._columns = columns

    @property
    def is_grouped(self) -> bool:
        return self._columns is not None

    def compile(self, expression: Expression) -> Evaluate:
        """Raises query_error."""
        if self._columns is not None:
            found = self._of_group(self._columns, expression)
            if found is not None:
                return found
        return _COMPILERS[type(expression)](self, expression)

    def compile_all(self, expressions: Iterable[Expression]) -> list[Evaluate]:
        return [self.compile(expression) for expression in expressions]

    def subquery(self, query: syntax.Query) -> Results:
        return self._compile_subquery(query, self._aliases, self._slots)

    def name(self, name: syntax.Name) -> Evaluate:
        slot = self._aliases.get(name.name)
        if slot is None:
            message = f"Identifier '{name.name}' could not be resolved."
            raise errors.query_error(message, name.start, name.end, "SC2001")
        return lambda scope: scope.values[slot]

    def call(self, call: syntax.Call) -> Evaluate:
        name, count = call.function, len(call.arguments)
        if name in AGGREGATES:
            message = f"The aggregate function {name} is only allowed in the select list."
            raise errors.query_error(message, call.start, call.end, "SC2105")
        if name in NOT_SUPPORTED or name.startswith(("ST_", "FULLTEXT")):
            raise errors.not_supported(f"the function {name}")
        function = FUNCTIONS.get(name)
        if function is None:
            message = f"'{name}' is not a recognized built-in function name."
            raise errors.query_error(message, call.start, call.end, "SC2005")
        if not function.fewest <= count <= function.most:
            message = f"The {name} function requires {function.fewest} to {function.most} argument(s), not {count}."
            raise errors.query_error(message, call.start, call.end, "SC2050")
        evaluate, arguments = function.evaluate, self.compile_all(call.arguments)
        if function.of_now:
            return lambda scope: evaluate(scope.now)
        if count == 1:
            return _apply(evaluate, arguments[0])
        return lambda scope: evaluate(*[argument(scope) for argument in arguments])

    def _of_group(self, columns: GroupedColumns, expression: Expression) -> Evaluate | None:
        if expression in columns.expressions:
            index = columns.expressions.index(expression)
            return lambda scope: scope.keys[index]
        if isinstance(expression, syntax.Call) and expression.function in AGGREGATES:
            return self._aggregate(columns, expression)
        if isinstance(expression, syntax.Name):
            message = (
                f"Property reference '{expression.name}' is invalid in the select list because it is not contained in "
                "either an aggregate function or the GROUP BY clause."
            )
            raise errors.query_error(message, expression.start, expression.end, "SC2102")
        return None

    def _aggregate(self, columns: GroupedColumns, call: syntax.Call) -> Evaluate:
        if len(call.arguments) != 1:
            message = f"The {call.function} function requires 1 argument(s)."
            raise errors.query_error(message, call.start, call.end, "SC2050")
        rows = ExpressionCompiler(self._aliases, self._slots, self._compile_subquery)
        index = len(columns.aggregates)
        counts_rows = call.function == "COUNT" and isinstance(call.arguments[0], syntax.Literal)
        evaluate = rows.compile(call.arguments[0])
        columns.aggregates.append(AggregateCall(AGGREGATES[call.function], evaluate, counts_rows))
        return lambda scope: scope.results[index]


def _literal(_compiler: ExpressionCompiler, literal: syntax.Literal) -> Evaluate:
    value = literal.value
    return lambda scope: value


def _parameter(_compiler: ExpressionCompiler, parameter: syntax.Parameter) -> Evaluate:
    name = parameter.name
    return lambda scope: scope.parameters[name]


def _member(compiler: ExpressionCompiler, member: syntax.Member) -> Evaluate:
    target, name = compiler.compile(member.target), member.name

    def evaluate(scope: Scope) -> Any:
        value = target(scope)
        return value.get(name, UNDEFINED) if type(value) is dict else UNDEFINED

    return evaluate


def _index(compiler: ExpressionCompiler, node: syntax.Index) -> Evaluate:
    target, index = compiler.compile(node.target), compiler.compile(node.index)

    def evaluate(scope: Scope) -> Any:
        value, key = target(scope), index(scope)
        if type(value) is dict and type(key) is str:
            return value.get(key, UNDEFINED)
        if type(value) is list and type(key) is int and 0 <= key < len(value):
            return value[key]
        return UNDEFINED

    return evaluate


def _apply(function: Callable[[Any], Any], operand: Evaluate) -> Evaluate:
    return lambda scope: function(operand(scope))


def _unary(compiler: ExpressionCompiler, node: syntax.Unary) -> Evaluate:
    return _apply(operators.UNARY[node.operator], compiler.compile(node.operand))


def _binary(compiler: ExpressionCompiler, node: syntax.Binary) -> Evaluate:
    function = operators.BINARY[node.operator]
    left, right = compiler.compile(node.left), compiler.compile(node.right)
    return lambda scope: function(left(scope), right(scope))


def _logical(compiler: ExpressionCompiler, node: syntax.Logical) -> Evaluate:
    deciding = node.operator == "OR"
    operands = compiler.compile_all(node.operands)

    def evaluate(scope: Scope) -> Any:
        result: Any = not deciding
        for operand in operands:
            value = operand(scope)
            if value is deciding:
                return deciding
            if type(value) is not bool:
                result = UNDEFINED
        return result

    return evaluate


def _in(compiler: ExpressionCompiler, node: syntax.In) -> Evaluate:
    operand, options = compiler.compile(node.operand), compiler.compile_all(node.options)

    def evaluate(scope: Scope) -> Any:
        value = operand(scope)
        if value is UNDEFINED:
            return UNDEFINED
        for option in options:
            candidate = option(scope)
            if candidate is not UNDEFINED and equal(value, candidate):
                return True
        return False

    return evaluate


def _between(compiler: ExpressionCompiler, node: syntax.Between) -> Evaluate:
    operand, low, high = compiler.compile_all((node.operand, node.low, node.high))

    def evaluate(scope: Scope) -> Any:
        value = operand(scope)
        above, below = operators.is_at_least(value, low(scope)), operators.is_at_most(value, high(scope))
        if above is False or below is False:
            return False
        return True if above is True and below is True else UNDEFINED

    return evaluate


def _like(compiler: ExpressionCompiler, node: syntax.Like) -> Evaluate:
    parts = compiler.compile_all((node.operand, node.pattern, node.escape or syntax.Literal("")))
    return lambda scope: operators.like(*[part(scope) for part in parts])


def _conditional(compiler: ExpressionCompiler, node: syntax.Conditional) -> Evaluate:
    test, then, otherwise = compiler.compile_all((node.test, node.then, node.otherwise))
    return lambda scope: then(scope) if test(scope) is True else otherwise(scope)


def _array(compiler: ExpressionCompiler, node: syntax.ArrayLiteral) -> Evaluate:
    elements = compiler.compile_all(node.elements)

    def evaluate(scope: Scope) -> Any:
        values = [element(scope) for element in elements]
        return [value for value in values if value is not UNDEFINED]

    return evaluate


def _object(compiler: ExpressionCompiler, node: syntax.ObjectLiteral) -> Evaluate:
    return build_object([(name, compiler.compile(value)) for name, value in node.members])


def build_object(members: list[tuple[str, Evaluate]]) -> Evaluate:
    """Builds an object without the undefined members."""

    def evaluate(scope: Scope) -> Any:
        values = [(name, member(scope)) for name, member in members]
        return {name: value for name, value in values if value is not UNDEFINED}

    return evaluate


def _subquery(compiler: ExpressionCompiler, node: syntax.Subquery) -> Evaluate:
    results = compiler.subquery(node.query)
    if node.kind == "EXISTS":
        return lambda scope: any(True for _ in results(scope))
    if node.kind == "ARRAY":
        return lambda scope: list(results(scope))
    return lambda scope: next(results(scope), UNDEFINED)


_COMPILERS: dict[type, Callable[[ExpressionCompiler, Any], Evaluate]] = {
    syntax.Literal: _literal,
    syntax.Parameter: _parameter,
    syntax.Name: ExpressionCompiler.name,
    syntax.Member: _member,
    syntax.Index: _index,
    syntax.Unary: _unary,
    syntax.Binary: _binary,
    syntax.Logical: _logical,
    syntax.Call: ExpressionCompiler.call,
    syntax.In: _in,
    syntax.Between: _between,
    syntax.Like: _like,
    syntax.Conditional: _conditional,
    syntax.ArrayLiteral: _array,
    syntax.ObjectLiteral: _object,
    syntax.Subquery: _subquery,
}
