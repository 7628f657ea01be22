"""The customerview service: the read model, kept by events."""

from collections.abc import Sequence
from typing import Final

import azure.functions as func

from shared import resources
from shared.domain.access_record import Action, Target
from shared.domain.callers import Anybody
from shared.domain.customer_view import CustomerView
from shared.domain.errors import NotFound
from shared.events.edge import batch_function, timer_function
from shared.http.callers import permission_of
from shared.http.edge import http_function
from shared.http.hal import Properties, Resource, hal_response, properties_of
from shared.http.messages import kakaos
from shared.http.paging import read_page_request
from shared.http.requests import customer_id
from shared.use_cases.forgetting import SCHEDULE as FORGETTING_SCHEDULE
from shared.wiring import access, customer_view_app, interface, stores

MESSAGES: Final = "messages"

blueprint = func.Blueprint()


def _properties(view: CustomerView) -> Properties:
    properties = properties_of(view)
    return {"id": properties.pop("customerId"), **properties}


customer_views = Resource[CustomerView]("customerView", "customerViews", _properties)


@blueprint.function_name("get-customer-view")
@blueprint.route("customerViews/{id}", methods=["GET", "HEAD"], trigger_arg_name="request")
@http_function
async def get_customer_view(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """GET /customerViews/{id}."""
    caller = await access.callers().customer_or_operator(request)
    shown = access.disclosure_to(caller, request, may_reveal=True)
    view = await customer_view_app.look_up_customer_views().one(customer_id(request), permission_of(caller))
    await shown.record(Action.READ, Target.CUSTOMER_VIEW, [view.customer_id])
    return hal_response(shown.of(customer_views.render(interface.base_url(request), view)))


@blueprint.function_name("list-customer-views")
@blueprint.route("customerViews", methods=["GET", "HEAD"], trigger_arg_name="request")
@http_function
async def list_customer_views(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """GET /customerViews?size=&cursor=."""
    shown = access.disclosure_to(await access.callers().operator(request), request)
    requested = read_page_request(request)
    page = await customer_view_app.look_up_customer_views().page(requested.size, requested.after)
    await shown.record(Action.LIST, Target.CUSTOMER_VIEW, [view.customer_id for view in page.items])
    return hal_response(shown.of(customer_views.render_page(interface.base_url(request), page, requested)))


@blueprint.function_name("list-messages-of-customer")
@blueprint.route(f"customerViews/{{id}}/{MESSAGES}", methods=["GET", "HEAD"], trigger_arg_name="request")
@http_function
async def list_messages_of_customer(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """GET /customerViews/{id}/messages: what KakaoTalk said about one customer. Only for operators."""
    caller = await access.callers().operator(request)
    if isinstance(caller, Anybody):
        raise NotFound("There is nothing at this path.")
    shown, customer = access.disclosure_to(caller, request), customer_id(request)
    messages = await stores.own_documents().messages(customer)
    await shown.record(Action.LIST, Target.MESSAGE, [customer] if messages else [])
    base_url = interface.base_url(request)
    url = f"{customer_views.item_url(base_url, customer)}/{MESSAGES}"
    return hal_response(shown.of(kakaos.render_found(base_url, messages, url)))


# Binary: the host leaves empty texts out of a batch, and the bodies would then belong to other messages.
@blueprint.function_name("view-updater")
@blueprint.service_bus_topic_trigger(
    "messages",
    connection=resources.SERVICE_BUS_CONNECTION,
    topic_name=resources.TOPIC,
    subscription_name=resources.VIEW_UPDATER,
    cardinality=func.Cardinality.MANY,
    data_type=func.DataType.BINARY,
)
@batch_function
async def update_views(messages: Sequence[func.ServiceBusMessage]) -> None:
    """Moves the customers' views forward, for every event."""
    await customer_view_app.update_views()(messages)


@blueprint.function_name("forget-views")
@blueprint.timer_trigger("timer", schedule=FORGETTING_SCHEDULE)
@timer_function
async def forget_views() -> None:
    """Makes sure that no view tells anything about a cancelled customer, and removes events that have expired."""
    try:
        await customer_view_app.forget_views()()
    finally:
        await customer_view_app.remove_expired_events()()
