"""My page: signing in with Kakao, and signing out."""

import azure.functions as func

from web.visit import Answer, Visit
from web.wiring import edge, sign_in

blueprint = func.Blueprint()


@blueprint.function_name("sign-in")
@blueprint.route("login", methods=["GET"], trigger_arg_name="request")
@edge.page()
async def begin(visit: Visit) -> Answer:
    """GET /login."""
    return await sign_in().begin(visit)


@blueprint.function_name("sign-in-callback")
@blueprint.route("login/callback", methods=["GET"], trigger_arg_name="request")
@edge.page()
async def end(visit: Visit) -> Answer:
    """GET /login/callback."""
    return await sign_in().end(visit)


@blueprint.function_name("sign-out")
@blueprint.route("logout", methods=["POST"], trigger_arg_name="request")
@edge.page()
async def sign_out(visit: Visit) -> Answer:
    """POST /logout."""
    return await sign_in().sign_out(visit)
