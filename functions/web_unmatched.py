"""My page's answer to every request that no other function matches: a page that says 404 or 405, or 204 for OPTIONS."""

from collections.abc import Iterable

import azure.functions as func

from functions.unmatched import NAME, OPTIONS, ROUTE, allowed_methods, methods_of_paths
from web.pages.errors import PageProblem
from web.visit import Answer, Visit
from web.wiring import edge


def blueprint_for(others: Iterable[func.Blueprint]) -> func.Blueprint:
    """A blueprint with the function. `others`: all other blueprints of the app."""
    known = methods_of_paths(others)
    blueprint = func.Blueprint()

    def allow(request: func.HttpRequest) -> dict[str, str]:
        allowed = allowed_methods(known, request.route_params["path"])
        return {"Allow": ", ".join(sorted(allowed))} if allowed else {}

    @edge.page(changes=False)
    async def refuse(visit: Visit) -> Answer:
        headers = allow(visit.request)
        raise PageProblem(405, "wrong-method", headers) if headers else PageProblem(404, "not-found")

    @blueprint.function_name(NAME)
    @blueprint.route(ROUTE, trigger_arg_name="request")
    async def refuse_unmatched(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
        """Any other path or method. OPTIONS is RFC 9110 §9.3.7."""
        headers = allow(request)
        if headers and request.method == OPTIONS:
            return func.HttpResponse(status_code=204, headers=headers)
        return await refuse(request, context)

    return blueprint
