"""The customer service: registering, correcting, cancelling, looking up, and publishing what was committed."""

from typing import Final

import azure.functions as func

from shared import resources, wiring
from shared.domain.customer import Customer, CustomerInput
from shared.domain.customer_patch import patch_of
from shared.domain.registration import Registration
from shared.events.edge import outbox_function, timer_function
from shared.http.edge import admitted_http_function, http_function
from shared.http.hal import Properties, Resource, hal_response, properties_of
from shared.http.paging import read_page_request
from shared.http.preferences import prefers_async
from shared.http.registrations import postponed_response
from shared.http.requests import (
    JSON,
    MERGE_PATCH,
    customer_id,
    idempotency_key,
    is_unchanged,
    precondition,
    read_json,
)
from shared.settings import feed_poll_milliseconds, settings
from shared.use_cases.correcting import Correction
from shared.use_cases.deadline import Deadline
from shared.use_cases.postponing import Answer, RegistrationRequest
from shared.use_cases.publishing import Outbox
from shared.use_cases.sweeping import MINUTES_BETWEEN_SWEEPS

# Their events, some 600 bytes each, fit into one batch of the topic (256 KB).
DOCUMENTS_A_CALL: Final = 200

blueprint = func.Blueprint()


def _properties(customer: Customer) -> Properties:
    properties = properties_of(customer)
    return {"id": properties.pop("customerId"), **properties}


customers = Resource[Customer]("customer", "customers", _properties)


def _etag(customer: Customer) -> str:
    return f'"{customer.version}"'


async def postpone_registration(request: func.HttpRequest) -> func.HttpResponse:
    """POST /customers instead of 503, if the client would rather wait: 202."""
    deadline = Deadline.after(settings().registration_seconds)
    return _answer(request, await wiring.postpone_registration()(_registration_request(request), deadline))


@blueprint.function_name("register-customer")
@blueprint.route("customers", methods=["POST"], trigger_arg_name="request")
@admitted_http_function(wiring.admit_registration, if_async=postpone_registration)
async def register_customer(request: func.HttpRequest, deadline: Deadline) -> func.HttpResponse:
    """POST /customers: 201, or 503 if it cannot be served in time or KakaoTalk could not be notified.

    With Prefer: respond-async 202 instead of 503.
    """
    return _answer(request, await wiring.register_customer()(_registration_request(request), deadline))


def _registration_request(request: func.HttpRequest) -> RegistrationRequest:
    details = read_json(request, wiring.request_model(CustomerInput))
    return RegistrationRequest(details, idempotency_key(request), may_be_postponed=prefers_async(request))


def _answer(request: func.HttpRequest, answer: Answer) -> func.HttpResponse:
    base_url = wiring.base_url(request)
    if isinstance(answer, Registration):
        return postponed_response(base_url, answer, is_preferred=prefers_async(request))
    headers = {"Location": customers.item_url(base_url, answer.customer_id), "ETag": _etag(answer)}
    return hal_response(customers.render(base_url, answer), 201, headers)


@blueprint.function_name("get-customer")
@blueprint.route("customers/{id}", methods=["GET", "HEAD"], trigger_arg_name="request")
@http_function
async def get_customer(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """GET /customers/{id}."""
    customer = await wiring.look_up_customers().one(customer_id(request))
    if is_unchanged(request, customer.version):
        return func.HttpResponse(status_code=304, headers={"ETag": _etag(customer), "Cache-Control": "no-store"})
    return hal_response(customers.render(wiring.base_url(request), customer), headers={"ETag": _etag(customer)})


@blueprint.function_name("list-customers")
@blueprint.route("customers", methods=["GET", "HEAD"], trigger_arg_name="request")
@http_function
async def list_customers(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """GET /customers?size=&cursor=."""
    requested = read_page_request(request)
    page = await wiring.look_up_customers().page(requested.size, requested.after)
    return hal_response(customers.render_page(wiring.base_url(request), page, requested))


@blueprint.function_name("replace-customer")
@blueprint.route("customers/{id}", methods=["PUT"], trigger_arg_name="request")
@http_function
async def replace_customer(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """PUT /customers/{id}: 200, with all details as in the body. An optional one that it leaves out is removed."""
    details = read_json(request, wiring.request_model(CustomerInput))
    return await _correct(request, lambda _: details)


@blueprint.function_name("patch-customer")
@blueprint.route("customers/{id}", methods=["PATCH"], trigger_arg_name="request")
@http_function
async def patch_customer(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """PATCH /customers/{id}: 200, with what the body contains (JSON Merge Patch, RFC 7396)."""
    patch = read_json(request, patch_of(wiring.request_model(CustomerInput)), (MERGE_PATCH, JSON))
    return await _correct(request, patch.apply_to)


async def _correct(request: func.HttpRequest, correction: Correction) -> func.HttpResponse:
    customer = await wiring.correct_customer()(customer_id(request), correction, precondition(request))
    return hal_response(customers.render(wiring.base_url(request), customer), headers={"ETag": _etag(customer)})


@blueprint.function_name("cancel-registration")
@blueprint.route("customers/{id}", methods=["DELETE"], trigger_arg_name="request")
@http_function
async def cancel_registration(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """DELETE /customers/{id}: 204, whether kakao is up or not. A pending registration is withdrawn."""
    await wiring.cancel_registration()(customer_id(request), precondition(request))
    return func.HttpResponse(status_code=204)


@blueprint.function_name("event-publisher")
@blueprint.cosmos_db_trigger(
    "documents",
    connection=resources.COSMOS_CONNECTION,
    database_name=resources.DATABASE,
    container_name=resources.CUSTOMERS,
    lease_container_name=resources.LEASES,
    lease_container_prefix="event-publisher",
    feed_poll_delay=feed_poll_milliseconds(),
    max_items_per_invocation=DOCUMENTS_A_CALL,
    start_from_beginning=True,  # type: ignore[arg-type]  # the host reads a boolean; the library declares a time
)
@blueprint.retry("exponential_backoff", "-1", minimum_interval="00:00:01", maximum_interval="00:00:30")
@outbox_function
async def publish_events(outbox: Outbox) -> None:
    """Publishes the outbox. The host retries a failure without end."""
    await wiring.publish_outbox()(outbox)


@blueprint.function_name("sweep-outbox")
@blueprint.timer_trigger("timer", schedule=f"0 */{MINUTES_BETWEEN_SWEEPS} * * * *")
@timer_function
async def sweep_outbox() -> None:
    """Sends again what became five minutes old, in case event-publisher passed it over. One instance at a time."""
    await wiring.sweep_outbox()()
