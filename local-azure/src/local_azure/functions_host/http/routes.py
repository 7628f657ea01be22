"""Route templates of ASP.NET: finds the function and the route values for a path.

Supported: literals, `{name}`, `{name?}`, `{name=default}`, `{*rest}`, several parameters in a segment, and the
constraints of CONSTRAINTS. Matching ignores case and one trailing slash.
"""

import re
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from local_azure.functions_host.errors import StartError
from local_azure.functions_host.functions import Function

RESERVED_SEGMENT = "admin"
COMMON_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT"})

_INT32 = 2**31
_INT64 = 2**63
_PARAMETER = re.compile(r"\{([^{}]*(?:\{[^{}]*\}[^{}]*)*)\}")
_CONSTRAINT = re.compile(r"(\w+)(?:\((.*)\))?")

Check = Callable[[str], bool]


def _number(kind: Callable[[str], object]) -> Check:
    def check(value: str) -> bool:
        try:
            kind(value)
        except ValueError:
            return False
        return "_" not in value

    return check


def _integer(limit: int) -> Check:
    return lambda value: _number(int)(value) and -limit <= int(value) < limit


def _length(minimum: str, maximum: str | None = None) -> Check:
    shortest, longest = int(minimum), int(maximum if maximum is not None else minimum)
    return lambda value: shortest <= len(value) <= longest


def _between(minimum: float, maximum: float) -> Check:
    return lambda value: _number(int)(value) and minimum <= int(value) <= maximum


CONSTRAINTS: Mapping[str, Callable[..., Check]] = {
    "int": lambda: _integer(_INT32),
    "long": lambda: _integer(_INT64),
    "bool": lambda: lambda value: value.lower() in ("true", "false"),
    "guid": lambda: _number(uuid.UUID),
    "decimal": lambda: _number(float),
    "double": lambda: _number(float),
    "float": lambda: _number(float),
    "alpha": lambda: lambda value: value.isascii() and value.isalpha(),
    "required": lambda: bool,
    "length": _length,
    "minlength": lambda minimum: lambda value: len(value) >= int(minimum),
    "maxlength": lambda maximum: lambda value: len(value) <= int(maximum),
    "min": lambda minimum: _between(int(minimum), float("inf")),
    "max": lambda maximum: _between(float("-inf"), int(maximum)),
    "range": lambda minimum, maximum: _between(int(minimum), int(maximum)),
    "regex": lambda *pattern: lambda value: re.search(",".join(pattern), value, re.IGNORECASE) is not None,
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A `{…}` of a template."""

    name: str
    checks: tuple[Check, ...]
    default: str | None
    optional: bool
    catch_all: bool


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled route template. Templates that match the same paths have the same `shape`."""

    text: str
    pattern: re.Pattern[str]
    parameters: tuple[Parameter, ...]
    shape: str

    def match(self, path: str) -> dict[str, str] | None:
        """The route values of `path` (decoded, without the leading slash); None if it does not match."""
        found = self.pattern.fullmatch(path)
        if found is None:
            return None
        values: dict[str, str] = {}
        for index, parameter in enumerate(self.parameters, start=1):
            value = found.group(index) or parameter.default
            if value is None:
                if parameter.checks and not parameter.optional:
                    return None
                continue
            if not all(check(value) for check in parameter.checks):
                return None
            values[parameter.name] = value
        return values


def parse_template(template: str) -> Template:
    """Compiles `template`. Raises ValueError with the reason."""
    parameters: list[Parameter] = []
    pattern, shape = "", ""
    segments = template.strip("/").split("/")
    for position, segment in enumerate(segments):
        slash = "/" if position else ""
        texts, expressions = _split(segment)
        parsed = [_parameter(expression) for expression in expressions]
        if any(parameter.catch_all for parameter in parsed) and (position < len(segments) - 1 or len(parsed) > 1):
            raise ValueError("{*…} must be the last part")
        parameters += parsed
        shape += slash + _shape(texts, expressions)
        pattern += _segment_pattern(slash, texts, parsed)
    names = [parameter.name.lower() for parameter in parameters]
    if len(names) != len(set(names)):
        raise ValueError("a parameter appears twice")
    return Template(
        template.strip("/"), re.compile(pattern + "/?", re.IGNORECASE | re.DOTALL), tuple(parameters), shape
    )


def _shape(texts: Sequence[str], expressions: Sequence[str]) -> str:
    """A segment with the constraints of its parameters, but without their names."""
    kinds = [f"{{{'*' if text.startswith('*') else ''}{text.partition(':')[2]}}}" for text in expressions]
    return "".join(text.lower() + kind for text, kind in zip(texts, [*kinds, ""], strict=True))


def _split(segment: str) -> tuple[list[str], list[str]]:
    """The literal texts around the parameters of a segment, and the parameters' expressions between them."""
    pieces = _PARAMETER.split(segment)
    texts, expressions = pieces[::2], pieces[1::2]
    if any(brace in text for text in texts for brace in "{}"):
        raise ValueError(f"unbalanced braces in {segment!r}")
    return texts, expressions


def _segment_pattern(slash: str, texts: Sequence[str], parameters: Sequence[Parameter]) -> str:
    if not parameters:
        return slash + re.escape(texts[0])
    first = parameters[0]
    alone = len(parameters) == 1 and texts == ["", ""]
    if first.catch_all:
        return f"(?:{slash}(.*?))?" if slash else "(.*?)"
    if alone and (first.optional or first.default is not None):
        return f"(?:{slash}([^/]+))?"
    if any(parameter.optional or parameter.default is not None for parameter in parameters):
        raise ValueError("an optional parameter must be a segment of its own")
    return slash + re.escape(texts[0]) + "".join("([^/]+?)" + re.escape(text) for text in texts[1:])


def _parameter(expression: str) -> Parameter:
    catch_all = expression.startswith("*")
    expression, default_sign, default = expression.lstrip("*").partition("=")
    optional = expression.endswith("?")
    name, *constraints = _outside_brackets(expression.removesuffix("?"), ":")
    if not re.fullmatch(r"[A-Za-z_]\w*", name):
        raise ValueError(f"{name!r} is not a valid parameter name")
    checks = tuple(_check(constraint) for constraint in constraints)
    return Parameter(name, checks, default if default_sign else None, optional, catch_all)


def _check(constraint: str) -> Check:
    found = _CONSTRAINT.fullmatch(constraint)
    if found is None or found.group(1) not in CONSTRAINTS:
        raise ValueError(f"the constraint {constraint!r} is not supported (supported: {', '.join(CONSTRAINTS)})")
    arguments = found.group(2).split(",") if found.group(2) is not None else []
    try:
        return CONSTRAINTS[found.group(1)](*arguments)
    except (TypeError, ValueError):
        raise ValueError(f"the constraint {constraint!r} has invalid arguments") from None


def _outside_brackets(text: str, separator: str) -> list[str]:
    """Splits at separators outside of brackets."""
    parts, depth = [""], 0
    for character in text:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == separator and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return parts


@dataclass(frozen=True, slots=True)
class Route:
    """The route of an HTTP function. `methods` in upper case; empty: any method."""

    function: Function
    template: Template
    methods: frozenset[str]

    def allows(self, method: str) -> bool:
        return not self.methods or method in self.methods

    def methods_shared_with(self, other: "Route") -> frozenset[str]:
        """The methods that both have."""
        return (self.methods or COMMON_METHODS) & (other.methods or COMMON_METHODS)


class RouteTable:
    """The routes of an app. The first match wins."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes = tuple(routes)
        self._of_any_method = tuple(route for route in self._routes if not route.methods)
        methods = COMMON_METHODS.union(*(route.methods for route in self._routes))
        self._by_method = {method: tuple(route for route in self._routes if route.allows(method)) for method in methods}

    def match(self, method: str, path: str) -> tuple[Function, dict[str, str]] | None:
        """The function and the route values for a decoded path without its leading slash; None: 404."""
        for route in self._by_method.get(method, self._of_any_method):
            values = route.template.match(path)
            if values is not None:
                return route.function, values
        return None


def build_route(function: Function, prefix: str, route: str, methods: Iterable[str]) -> Route:
    """Raises StartError for a route that is not supported."""
    if route.strip("/").lower().split("/")[0] == RESERVED_SEGMENT:
        raise StartError(f"function {function.name}: route {route!r}: /{RESERVED_SEGMENT} belongs to the host")
    try:
        template = parse_template("/".join(part.strip("/") for part in (prefix, route) if part.strip("/")))
    except ValueError as error:
        raise StartError(f"function {function.name}: route {route!r}: {error}") from None
    return Route(function, template, frozenset(method.upper() for method in methods))


def refuse_conflicts(routes: Sequence[Route]) -> None:
    """Raises StartError if two functions share a route and a method."""
    for index, route in enumerate(routes):
        for other in routes[:index]:
            common = route.methods_shared_with(other)
            if route.template.shape == other.template.shape and common:
                raise StartError(
                    f"function {route.function.name}: its route conflicts with that of {other.function.name} "
                    f"for {', '.join(sorted(common))}"
                )
