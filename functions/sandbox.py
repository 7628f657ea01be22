"""How the sandbox provider of this process behaves, and changing it: only with SANDBOX_CHANGEABLE, never in prod."""

import json

import azure.functions as func

from shared.domain.sandbox import SandboxBehaviour
from shared.http.edge import http_function
from shared.http.requests import read_json
from shared.wiring import kakao_app

blueprint = func.Blueprint()


@blueprint.function_name("get-sandbox")
@blueprint.route("sandbox", methods=["GET", "HEAD"], trigger_arg_name="request")
@http_function
async def get_sandbox(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """GET /sandbox."""
    return _response()


@blueprint.function_name("change-sandbox")
@blueprint.route("sandbox", methods=["PUT"], trigger_arg_name="request")
@http_function
async def change_sandbox(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """PUT /sandbox: what the body leaves out gets its default, so that {} makes the sandbox healthy."""
    kakao_app.sandbox().behave(read_json(request, SandboxBehaviour))
    return _response()


def _response() -> func.HttpResponse:
    behaviour = kakao_app.sandbox().behaviour.model_dump(mode="json", by_alias=True)
    headers = {"Cache-Control": "no-store"}
    return func.HttpResponse(json.dumps(behaviour), headers=headers, mimetype="application/json")
