"""Postponed registrations, as part of the customer service: looking up, withdrawing, and trying again."""

import azure.functions as func

from shared.domain.access_record import Action, Target
from shared.domain.errors import TooLateToWithdraw
from shared.domain.registration import RegistrationStatus
from shared.events.edge import timer_function
from shared.http.callers import permission_of
from shared.http.edge import http_function
from shared.http.problems import problem_of
from shared.http.registrations import customer_url, registration_response
from shared.http.requests import customer_id
from shared.use_cases.deferred_run import SECONDS_BETWEEN_RUNS
from shared.wiring import access, customer_app, interface

blueprint = func.Blueprint()


@blueprint.function_name("get-registration")
@blueprint.route("registrations/{id}", methods=["GET", "HEAD"], trigger_arg_name="request")
@http_function
async def get_registration(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """GET /registrations/{id}: also of a customer who was registered at once."""
    caller = await access.callers().customer_or_operator(request)
    shown = access.disclosure_to(caller, request, may_reveal=True)
    registration = await customer_app.look_up_registration().one(customer_id(request), permission_of(caller))
    await shown.record(Action.READ, Target.REGISTRATION, [registration.customer_id])
    return registration_response(interface.base_url(request), registration, shown)


@blueprint.function_name("withdraw-registration")
@blueprint.route("registrations/{id}", methods=["DELETE"], trigger_arg_name="request")
@http_function
async def withdraw_registration(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """DELETE /registrations/{id}: 204, also again; 409 with a link if there is a customer by now."""
    caller = await access.callers().customer_or_operator(request)
    registration_id = customer_id(request)
    await access.disclosure_to(caller, request).record(Action.CANCEL, Target.REGISTRATION, [registration_id])
    try:
        await customer_app.withdraw_registration()(registration_id, permission_of(caller))
    except TooLateToWithdraw as error:
        problem = problem_of(error)
        if error.status == RegistrationStatus.REGISTERED:
            customer = customer_url(interface.base_url(request), registration_id)
            problem.detail += " Cancel the customer instead."
            problem.headers = {"Link": f'<{customer}>; rel="customer"'}
        raise problem from None
    return func.HttpResponse(status_code=204)


@blueprint.function_name("register-deferred")
@blueprint.timer_trigger("timer", schedule=f"*/{SECONDS_BETWEEN_RUNS} * * * * *")
@timer_function
async def register_deferred() -> None:
    """Tries what was postponed. One instance at a time, which keeps to the pace that kakao takes."""
    await customer_app.run_deferred()()
