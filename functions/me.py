"""What is the caller's own, found without an id, as part of the customerview service."""

import azure.functions as func

from shared.domain.callers import Anybody, Owner
from shared.domain.errors import NotFound
from shared.domain.identifiers import utc_now
from shared.http.edge import http_function
from shared.http.own import OWN_DATA, OWN_REGISTRATION, own_data_response, own_registration_response
from shared.wiring import access, customer_view_app, interface

blueprint = func.Blueprint()


async def _owner(request: func.HttpRequest) -> Owner:
    """The customer who calls. Raises NotFound for who need not say who they are, and does not."""
    caller = await access.callers().customer(request)
    if isinstance(caller, Anybody):
        raise NotFound("You have not signed in, so nothing is known to be yours.")
    return caller.owner


@blueprint.function_name("get-own-registration")
@blueprint.route(OWN_REGISTRATION, methods=["GET", "HEAD"], trigger_arg_name="request")
@http_function
async def get_own_registration(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """GET /me/registration: the caller's registration, and what KakaoTalk said about it."""
    owner = await _owner(request)
    registration = await customer_view_app.look_up_own_registration()(owner)
    return own_registration_response(interface.base_url(request), registration)


@blueprint.function_name("get-own-data")
@blueprint.route(OWN_DATA, methods=["GET", "HEAD"], trigger_arg_name="request")
@http_function
async def get_own_data(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """GET /me/data: everything that is stored about the caller, as a download (PIPA article 35)."""
    owner = await _owner(request)
    return own_data_response(owner, await customer_view_app.collect_own_documents()(owner), utc_now())
