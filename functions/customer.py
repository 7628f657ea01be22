"""The customer service: registering, cancelling, looking up, and publishing what was committed."""

from collections.abc import Sequence
from typing import Final

import azure.functions as func

from shared import resources, wiring
from shared.domain.customer import Customer, CustomerInput
from shared.domain.outbox import OutboxEvent
from shared.events.edge import outbox_function, timer_function
from shared.http.edge import admitted_http_function, http_function
from shared.http.hal import Properties, Resource, hal_response
from shared.http.paging import read_page_request
from shared.http.requests import customer_id, idempotency_key, is_unchanged, precondition, read_json
from shared.settings import feed_poll_milliseconds
from shared.use_cases.deadline import Deadline
from shared.use_cases.sweeping import MINUTES_BETWEEN_SWEEPS

# Their events, some 600 bytes each, fit into one batch of the topic (256 KB).
DOCUMENTS_A_CALL: Final = 200

blueprint = func.Blueprint()


def _properties(customer: Customer) -> Properties:
    properties = customer.to_json_object()
    return {"id": properties.pop("customerId"), **properties}


customers = Resource[Customer]("customer", "customers", _properties)


def _etag(customer: Customer) -> str:
    return f'"{customer.version}"'


@blueprint.function_name("register-customer")
@blueprint.route("customers", methods=["POST"], trigger_arg_name="request")
@admitted_http_function(wiring.admit_registration)
async def register_customer(request: func.HttpRequest, deadline: Deadline) -> func.HttpResponse:
    """POST /customers: 201, or 503 if it cannot be served in time or KakaoTalk could not be notified."""
    details, key = read_json(request, CustomerInput), idempotency_key(request)
    customer = await wiring.register_customer()(details, deadline, key)
    base_url = wiring.base_url(request)
    headers = {"Location": customers.item_url(base_url, customer.customer_id), "ETag": _etag(customer)}
    return hal_response(customers.render(base_url, customer), 201, headers)


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


@blueprint.function_name("cancel-registration")
@blueprint.route("customers/{id}", methods=["DELETE"], trigger_arg_name="request")
@http_function
async def cancel_registration(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """DELETE /customers/{id}: 204, whether kakao is up or not."""
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
async def publish_events(events: Sequence[OutboxEvent]) -> None:
    """Publishes the outbox. The host retries a failure without end."""
    await wiring.publish_outbox()(events)


@blueprint.function_name("sweep-outbox")
@blueprint.timer_trigger("timer", schedule=f"0 */{MINUTES_BETWEEN_SWEEPS} * * * *")
@timer_function
async def sweep_outbox() -> None:
    """Sends again what became five minutes old, in case event-publisher passed it over. One instance at a time."""
    await wiring.sweep_outbox()()
