"""The response to every request that no other function matches: 405, 404, or 204 for OPTIONS.

Without this function the host answers with an empty 404, also where only the method is wrong.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

import azure.functions as func
from azure.functions.decorators.http import HttpTrigger

from shared.http.edge import http_function
from shared.http.problems import Problem

# The host tries routes in the order of the functions' names, and the first match wins: this name has to be the last.
NAME: Final = "wrong-path-or-method"
# Any method. Not `/`, where the host has a page of its own; paths below /admin never arrive here.
ROUTE: Final = "{*path:minlength(1)}"
OPTIONS: Final = "OPTIONS"

_ANY_SEGMENT: Final = "[^/]+"

type MethodsOfPaths = Mapping[re.Pattern[str], frozenset[str]]


def blueprint_for(others: Iterable[func.Blueprint]) -> func.Blueprint:
    """A blueprint with the function. `others`: all other blueprints of the app."""
    known = methods_of_paths(others)
    blueprint = func.Blueprint()

    @blueprint.function_name(NAME)
    @blueprint.route(ROUTE, trigger_arg_name="request")
    @http_function
    async def refuse_unmatched(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
        """Any other path or method. OPTIONS is RFC 9110 §9.3.7."""
        allowed = allowed_methods(known, request.route_params["path"])
        if not allowed:
            raise Problem(404, "not-found", "Not found", "There is nothing at this path.")
        allow = {"Allow": ", ".join(sorted(allowed))}
        if request.method == OPTIONS:
            return func.HttpResponse(status_code=204, headers=allow)
        detail = f"This path allows {allow['Allow']}."
        raise Problem(405, "method-not-allowed", "Method not allowed", detail, headers=allow)

    return blueprint


def methods_of_paths(blueprints: Iterable[func.Blueprint]) -> MethodsOfPaths:
    """What the functions of these have: the methods by the pattern of their path."""
    # Only an app can list its functions, and it writes its auth level into them: it has to be that of the real app.
    app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
    for blueprint in blueprints:
        app.register_functions(blueprint)
    methods: dict[re.Pattern[str], frozenset[str]] = {}
    for function in app.get_functions():
        trigger = function.get_trigger()
        if isinstance(trigger, HttpTrigger):
            path = _pattern(str(trigger.route))
            methods[path] = methods.get(path, frozenset({OPTIONS})) | {str(method) for method in trigger.methods or ()}
    return methods


def _pattern(route: str) -> re.Pattern[str]:
    """Matches the paths of a route template, ignoring case and a slash at the end, as the host does."""
    segments = (
        _ANY_SEGMENT if segment.startswith("{") else re.escape(segment) for segment in route.strip("/").split("/")
    )
    return re.compile("/".join(segments) + "/?", re.IGNORECASE)


def allowed_methods(known: MethodsOfPaths, path: str) -> frozenset[str]:
    """The methods of a path without its leading slash; empty if it does not exist."""
    matching = [(pattern, methods) for pattern, methods in known.items() if pattern.fullmatch(path)]
    # customers/search is no customer.
    return max(matching, key=lambda each: _is_literal(each[0]), default=(None, frozenset[str]()))[1]


def _is_literal(pattern: re.Pattern[str]) -> bool:
    return _ANY_SEGMENT not in pattern.pattern
