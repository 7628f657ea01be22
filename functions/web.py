"""My page: the pages of customers."""

import azure.functions as func

from web.pages.start import show_start
from web.pages.static import static_response
from web.visit import Answer, Visit
from web.wiring import cancel, correct, edge, my_registration, register

blueprint = func.Blueprint()


@blueprint.function_name("show-start")
@blueprint.route("start", methods=["GET", "HEAD"], trigger_arg_name="request")
@edge.page()
async def start(visit: Visit) -> Answer:
    """GET /: the gateway asks for /start, because the host has a page of its own at /."""
    return await show_start(visit)


@blueprint.function_name("show-my-registration")
@blueprint.route("my", methods=["GET", "HEAD"], trigger_arg_name="request")
@edge.page(signed_in=True)
async def my(visit: Visit) -> Answer:
    """GET /my."""
    return await my_registration().show(visit)


@blueprint.function_name("download-my-data")
@blueprint.route("my/data", methods=["GET", "HEAD"], trigger_arg_name="request")
@edge.page(signed_in=True)
async def my_data(visit: Visit) -> Answer:
    """GET /my/data."""
    return await my_registration().download(visit)


@blueprint.function_name("show-registration-form")
@blueprint.route("my/registration", methods=["GET", "HEAD"], trigger_arg_name="request")
@edge.page(signed_in=True)
async def registration_form(visit: Visit) -> Answer:
    """GET /my/registration."""
    return await register().ask(visit)


@blueprint.function_name("send-registration-form")
@blueprint.route("my/registration", methods=["POST"], trigger_arg_name="request")
@edge.page(signed_in=True)
async def send_registration(visit: Visit) -> Answer:
    """POST /my/registration."""
    return await register().send(visit)


@blueprint.function_name("show-correction-form")
@blueprint.route("my/registration/edit", methods=["GET", "HEAD"], trigger_arg_name="request")
@edge.page(signed_in=True)
async def correction_form(visit: Visit) -> Answer:
    """GET /my/registration/edit."""
    return await correct().ask(visit)


@blueprint.function_name("send-correction-form")
@blueprint.route("my/registration/edit", methods=["POST"], trigger_arg_name="request")
@edge.page(signed_in=True)
async def send_correction(visit: Visit) -> Answer:
    """POST /my/registration/edit."""
    return await correct().send(visit)


@blueprint.function_name("ask-about-cancelling")
@blueprint.route("my/registration/cancel", methods=["GET", "HEAD"], trigger_arg_name="request")
@edge.page(signed_in=True)
async def cancel_question(visit: Visit) -> Answer:
    """GET /my/registration/cancel."""
    return await cancel().ask(visit)


@blueprint.function_name("cancel-my-registration")
@blueprint.route("my/registration/cancel", methods=["POST"], trigger_arg_name="request")
@edge.page(signed_in=True)
async def send_cancel(visit: Visit) -> Answer:
    """POST /my/registration/cancel."""
    return await cancel().send(visit)


@blueprint.function_name("get-static-file")
@blueprint.route("static/{digest}/{name}", methods=["GET", "HEAD"], trigger_arg_name="request")
async def static_file(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """GET /static/{digest}/{name}."""
    return static_response(request)
