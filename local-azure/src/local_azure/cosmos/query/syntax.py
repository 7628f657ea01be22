"""The syntax tree of a query. Positions in the text do not count when trees are compared."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Literal:
    value: Any


@dataclass(frozen=True, slots=True)
class Parameter:
    """`name` with its @."""

    name: str


@dataclass(frozen=True, slots=True)
class Name:
    """An alias of FROM or JOIN."""

    name: str
    start: int = field(compare=False)
    end: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class Member:
    target: "Expression"
    name: str


@dataclass(frozen=True, slots=True)
class Index:
    target: "Expression"
    index: "Expression"


@dataclass(frozen=True, slots=True)
class Unary:
    """`operator`: NOT - + ~"""

    operator: str
    operand: "Expression"


@dataclass(frozen=True, slots=True)
class Binary:
    """`operator`: = != < > <= >= + - * / % || ?? & | ^ << >> >>>"""

    operator: str
    left: "Expression"
    right: "Expression"


@dataclass(frozen=True, slots=True)
class Logical:
    """`operator`: AND, OR. Two operands or more, so that long chains do not nest."""

    operator: str
    operands: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class In:
    operand: "Expression"
    options: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Between:
    operand: "Expression"
    low: "Expression"
    high: "Expression"


@dataclass(frozen=True, slots=True)
class Like:
    operand: "Expression"
    pattern: "Expression"
    escape: "Expression | None"


@dataclass(frozen=True, slots=True)
class Conditional:
    test: "Expression"
    then: "Expression"
    otherwise: "Expression"


@dataclass(frozen=True, slots=True)
class Call:
    """`function` in upper case."""

    function: str
    arguments: tuple["Expression", ...]
    start: int = field(compare=False)
    end: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class ArrayLiteral:
    elements: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class ObjectLiteral:
    members: tuple[tuple[str, "Expression"], ...]


@dataclass(frozen=True, slots=True)
class Subquery:
    """`kind`: scalar, EXISTS or ARRAY."""

    kind: str
    query: "Query"


type Expression = (
    Literal
    | Parameter
    | Name
    | Member
    | Index
    | Unary
    | Binary
    | Logical
    | In
    | Between
    | Like
    | Conditional
    | Call
    | ArrayLiteral
    | ObjectLiteral
    | Subquery
)


@dataclass(frozen=True, slots=True)
class Source:
    """`FROM path AS alias`, or with `iterate` `alias IN path`: one row for each element of the array."""

    path: Expression
    alias: str
    iterate: bool


@dataclass(frozen=True, slots=True)
class SelectItem:
    """`alias` is None if the query has none and the expression is not a path."""

    expression: Expression
    alias: str | None


@dataclass(frozen=True, slots=True)
class OrderItem:
    expression: Expression
    descending: bool


@dataclass(frozen=True, slots=True)
class Query:
    """`items` is empty for `SELECT *`; `value` for `SELECT VALUE`. `sources` are FROM and the JOINs."""

    items: tuple[SelectItem, ...]
    value: bool
    distinct: bool
    top: Expression | None
    sources: tuple[Source, ...]
    where: Expression | None
    group_by: tuple[Expression, ...]
    order_by: tuple[OrderItem, ...]
    offset: Expression | None
    limit: Expression | None


def path_of(expression: Expression) -> tuple[str, ...] | None:
    """`c.a["b"]` as ("c", "a", "b"); None for anything that is not a path of names."""
    names: list[str] = []
    while True:
        match expression:
            case Name(name):
                return (name, *reversed(names))
            case Member(target, name) | Index(target, Literal(str(name))):
                names.append(name)
                expression = target
            case _:
                return None


def parts_of(expression: Expression) -> tuple["Expression", ...]:
    """The direct parts of an expression, except those of a subquery."""
    match expression:
        case Call(_, parts) | ArrayLiteral(parts) | Logical(_, parts):
            return parts
        case Binary(_, left, right) | Index(left, right):
            return (left, right)
        case Unary(_, operand) | Member(operand, _):
            return (operand,)
        case Conditional(test, then, otherwise):
            return (test, then, otherwise)
        case ObjectLiteral(members):
            return tuple(value for _, value in members)
        case _:
            return ()


def is_constant(expression: Expression) -> bool:
    """Whether it has the same value for every item."""
    match expression:
        case Literal() | Parameter():
            return True
        case Unary(_, operand):
            return is_constant(operand)
        case _:
            return False
