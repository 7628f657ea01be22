"""The customer service: registering, cancelling, looking up, and publishing what was committed."""

import azure.functions as func

from functions.events import unforeseen_failures_described
from shared import metrics, resources, wiring
from shared.domain.customer import Customer, CustomerDetails
from shared.http.edge import http_function
from shared.http.hal import Properties, Resource, hal_response
from shared.http.paging import page_request
from shared.http.requests import expected_versions, idempotency_key, read_json

blueprint = func.Blueprint()


def _properties(customer: Customer) -> Properties:
    properties = customer.to_json_object()
    return {"id": properties.pop("customerId"), **properties}


customers = Resource[Customer]("customer", "customers", _properties)


def _etag(customer: Customer) -> str:
    return f'"{customer.version}"'


@blueprint.function_name("register-customer")
@blueprint.route("customers", methods=["POST"], trigger_arg_name="request")
@http_function
async def register_customer(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """POST /customers: 201, or 503 where KakaoTalk could not be told."""
    details, key = read_json(request, CustomerDetails), idempotency_key(request)
    with metrics.refusals_counted():
        customer = await wiring.register_customer()(details, key)
    headers = {"Location": customers.item_url(request, customer.customer_id), "ETag": _etag(customer)}
    return hal_response(customers.render(request, customer), 201, headers)


@blueprint.function_name("get-customer")
@blueprint.route("customers/{id}", methods=["GET"], trigger_arg_name="request")
@http_function
async def get_customer(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """GET /customers/{id}."""
    customer = await wiring.look_up_customers().one(request.route_params["id"])
    return hal_response(customers.render(request, customer), headers={"ETag": _etag(customer)})


@blueprint.function_name("list-customers")
@blueprint.route("customers", methods=["GET"], trigger_arg_name="request")
@http_function
async def list_customers(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """GET /customers?size=&cursor=."""
    asked = page_request(request)
    page = await wiring.look_up_customers().page(asked.size, asked.after)
    return hal_response(customers.render_page(request, page, asked))


@blueprint.function_name("cancel-registration")
@blueprint.route("customers/{id}", methods=["DELETE"], trigger_arg_name="request")
@http_function
async def cancel_registration(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """DELETE /customers/{id}: 204, whether kakao is up or not."""
    await wiring.cancel_registration()(request.route_params["id"], expected_versions(request))
    return func.HttpResponse(status_code=204)


@blueprint.function_name("event-publisher")
@blueprint.cosmos_db_trigger(
    "documents",
    connection=resources.COSMOS_CONNECTION,
    database_name=resources.DATABASE,
    container_name=resources.CUSTOMERS,
    lease_container_name=resources.LEASES,
    lease_container_prefix="event-publisher",
    feed_poll_delay=250,
    max_items_per_invocation=200,
    start_from_beginning=True,  # type: ignore[arg-type]  # the host reads a boolean; the library says time
)
@blueprint.retry("exponential_backoff", "-1", minimum_interval="00:00:01", maximum_interval="00:00:30")
async def publish_events(documents: func.DocumentList) -> None:
    """The outbox: what fails is tried again without end, because what is not published must not be passed over."""
    with unforeseen_failures_described():
        await wiring.publish_outbox()(documents)
