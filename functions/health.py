"""Whether this app is up, which package it runs, and who may call it.

It never calls another service, whose outage is not this app's.
"""

import json
from pathlib import Path

import azure.functions as func

from shared.settings import settings
from shared.version import package_version

blueprint = func.Blueprint()

VERSION = package_version(Path(__file__).parents[1])


@blueprint.function_name("health")
@blueprint.route("health", methods=["GET", "HEAD"], auth_level=func.AuthLevel.ANONYMOUS, trigger_arg_name="request")
async def health(request: func.HttpRequest) -> func.HttpResponse:
    """GET /health."""
    services, access = sorted(settings().ssak8_services), settings().access
    body = {"status": "UP", "services": services, "version": VERSION, "access": access}
    return func.HttpResponse(json.dumps(body), mimetype="application/json", headers={"Cache-Control": "no-store"})
