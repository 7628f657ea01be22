"""The customerview service: the read model, kept by events."""

import azure.functions as func

from shared import resources, wiring
from shared.domain.customer_view import CustomerView
from shared.domain.events import CustomerEvent
from shared.events.edge import event_function
from shared.http.edge import http_function
from shared.http.hal import Properties, Resource, hal_response
from shared.http.paging import read_page_request
from shared.http.requests import customer_id

blueprint = func.Blueprint()


def _properties(view: CustomerView) -> Properties:
    properties = view.to_json_object()
    return {"id": properties.pop("customerId"), **properties}


customer_views = Resource[CustomerView]("customerView", "customerViews", _properties)


@blueprint.function_name("get-customer-view")
@blueprint.route("customerViews/{id}", methods=["GET", "HEAD"], trigger_arg_name="request")
@http_function
async def get_customer_view(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """GET /customerViews/{id}."""
    view = await wiring.look_up_customer_views().one(customer_id(request))
    return hal_response(customer_views.render(wiring.base_url(request), view))


@blueprint.function_name("list-customer-views")
@blueprint.route("customerViews", methods=["GET", "HEAD"], trigger_arg_name="request")
@http_function
async def list_customer_views(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """GET /customerViews?size=&cursor=."""
    requested = read_page_request(request)
    page = await wiring.look_up_customer_views().page(requested.size, requested.after)
    return hal_response(customer_views.render_page(wiring.base_url(request), page, requested))


@blueprint.function_name("view-updater")
@blueprint.service_bus_topic_trigger(
    "message",
    connection=resources.SERVICE_BUS_CONNECTION,
    topic_name=resources.TOPIC,
    subscription_name=resources.VIEW_UPDATER,
)
@event_function
async def update_view(event: CustomerEvent) -> None:
    """Moves the customer's view forward, for every event."""
    await wiring.update_view()(event)
