"""The OpenAPI document of the interface, the same from every app."""

import json
from functools import cache

import azure.functions as func

from shared.http import openapi
from shared.settings import Access, settings
from shared.wiring import interface

blueprint = func.Blueprint()


@cache
def _document() -> str:
    document = openapi.document(
        phone_number_needed=interface.is_phone_number_needed(),
        is_open=settings().access is Access.OPEN,
        callers_are_known=settings().callers_are_known,
        minimum_age=settings().customer_minimum_age,
    )
    return json.dumps(document)


@blueprint.function_name("openapi")
@blueprint.route(
    "openapi.json", methods=["GET", "HEAD"], auth_level=func.AuthLevel.ANONYMOUS, trigger_arg_name="request"
)
async def get_openapi(request: func.HttpRequest) -> func.HttpResponse:
    """GET /openapi.json."""
    return func.HttpResponse(_document(), mimetype="application/json")
