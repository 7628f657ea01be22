"""Whether this app is up. It never asks another service: their outage is not this app's."""

import json

import azure.functions as func

from shared.settings import settings

blueprint = func.Blueprint()


@blueprint.function_name("health")
@blueprint.route("health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS, trigger_arg_name="request")
async def health(request: func.HttpRequest) -> func.HttpResponse:
    """GET /health."""
    body = {"status": "UP", "services": sorted(settings().ssak8_services)}
    return func.HttpResponse(json.dumps(body), mimetype="application/json", headers={"Cache-Control": "no-store"})
