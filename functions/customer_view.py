"""The customerview service: the read model, kept by events."""

import azure.functions as func

from functions.events import react_to_event
from shared import metrics, resources, wiring
from shared.domain.customer_view import CustomerView
from shared.http.edge import http_function
from shared.http.hal import Properties, Resource, hal_response
from shared.http.paging import page_request

blueprint = func.Blueprint()


def _properties(view: CustomerView) -> Properties:
    properties = view.to_json_object()
    return {"id": properties.pop("customerId"), **properties}


customer_views = Resource[CustomerView]("customerView", "customerViews", _properties)


@blueprint.function_name("get-customer-view")
@blueprint.route("customerViews/{id}", methods=["GET"], trigger_arg_name="request")
@http_function
async def get_customer_view(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """GET /customerViews/{id}."""
    view = await wiring.look_up_customer_views().one(request.route_params["id"])
    return hal_response(customer_views.render(request, view))


@blueprint.function_name("list-customer-views")
@blueprint.route("customerViews", methods=["GET"], trigger_arg_name="request")
@http_function
async def list_customer_views(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """GET /customerViews?size=&cursor=."""
    asked = page_request(request)
    page = await wiring.look_up_customer_views().page(asked.size, asked.after)
    return hal_response(customer_views.render_page(request, page, asked))


@blueprint.function_name("view-updater")
@blueprint.service_bus_topic_trigger(
    "message",
    connection=resources.SERVICE_BUS_CONNECTION,
    topic_name=resources.TOPIC,
    subscription_name=resources.VIEW_UPDATER,
)
async def update_view(message: func.ServiceBusMessage) -> None:
    """Every event moves its customer's view forward."""
    await react_to_event(message, wiring.update_view(), metrics.view_age)
