"""My page: the pages of operators."""

import azure.functions as func

from web.visit import Answer, Visit
from web.wiring import edge, operator_pages, operator_sign_in

blueprint = func.Blueprint()


@blueprint.function_name("show-operators-page")
@blueprint.route("operators", methods=["GET", "HEAD"], trigger_arg_name="request")
@edge.page()
async def home(visit: Visit) -> Answer:
    """GET /operators."""
    return await operator_pages().home(visit)


@blueprint.function_name("sign-in-operator")
@blueprint.route("operators/login", methods=["GET"], trigger_arg_name="request")
@edge.page()
async def begin(visit: Visit) -> Answer:
    """GET /operators/login."""
    return await operator_sign_in().begin(visit)


@blueprint.function_name("sign-in-operator-callback")
@blueprint.route("operators/login/callback", methods=["GET"], trigger_arg_name="request")
@edge.page()
async def end(visit: Visit) -> Answer:
    """GET /operators/login/callback."""
    return await operator_sign_in().end(visit)


@blueprint.function_name("sign-out-operator")
@blueprint.route("operators/logout", methods=["POST"], trigger_arg_name="request")
@edge.page()
async def sign_out(visit: Visit) -> Answer:
    """POST /operators/logout."""
    return await operator_sign_in().sign_out(visit)


@blueprint.function_name("search-as-operator")
@blueprint.route("operators/search", methods=["POST"], trigger_arg_name="request")
@edge.page()
async def search(visit: Visit) -> Answer:
    """POST /operators/search."""
    return await operator_pages().search(visit)


@blueprint.function_name("show-customer-to-operator")
@blueprint.route("operators/customers/{id}", methods=["GET", "HEAD"], trigger_arg_name="request")
@edge.page()
async def show(visit: Visit) -> Answer:
    """GET /operators/customers/{id}."""
    return await operator_pages().show(visit)


@blueprint.function_name("reveal-customer-to-operator")
@blueprint.route("operators/customers/{id}", methods=["POST"], trigger_arg_name="request")
@edge.page()
async def reveal(visit: Visit) -> Answer:
    """POST /operators/customers/{id}."""
    return await operator_pages().reveal(visit)


@blueprint.function_name("ask-operator-to-cancel")
@blueprint.route("operators/customers/{id}/cancel", methods=["GET", "HEAD"], trigger_arg_name="request")
@edge.page()
async def ask_to_cancel(visit: Visit) -> Answer:
    """GET /operators/customers/{id}/cancel."""
    return await operator_pages().ask_to_cancel(visit)


@blueprint.function_name("cancel-as-operator")
@blueprint.route("operators/customers/{id}/cancel", methods=["POST"], trigger_arg_name="request")
@edge.page()
async def cancel(visit: Visit) -> Answer:
    """POST /operators/customers/{id}/cancel."""
    return await operator_pages().cancel(visit)
