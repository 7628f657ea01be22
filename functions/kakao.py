"""The kakao service: sending messages, announcing cancellations, looking up what was sent."""

import azure.functions as func

from shared import resources
from shared.domain.access_record import Action, Target
from shared.domain.errors import NotFound
from shared.domain.events import CustomerEvent
from shared.domain.kakao_message import KakaoMessageDraft
from shared.events.edge import event_function, timer_function
from shared.http.details import read_details
from shared.http.edge import http_function
from shared.http.hal import hal_response
from shared.http.messages import kakaos
from shared.http.paging import read_page_request
from shared.http.requests import idempotency_key, is_retry, message_id, time_left
from shared.settings import settings
from shared.use_cases.forgetting import SCHEDULE as FORGETTING_SCHEDULE
from shared.wiring import access, interface, kakao_app, stores

blueprint = func.Blueprint()


@blueprint.function_name("send-kakao")
@blueprint.route("kakaos", methods=["POST"], trigger_arg_name="request")
@http_function
async def send_kakao(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """POST /kakaos: 201 once the provider has accepted the message; 429 if nothing was handed over to it."""
    await access.callers().customer_app(request)
    deadline = kakao_app.kakao_deadline(time_left(request))
    draft = read_details(request, interface.request_model(KakaoMessageDraft), settings().customer_minimum_age)
    key = idempotency_key(request)
    await stores.database().opened()  # before anything is sent
    message = await kakao_app.send_kakao()(draft, deadline, key, is_retry=is_retry(request))
    base_url = interface.base_url(request)
    headers = {"Location": kakaos.item_url(base_url, message.message_id)}
    return hal_response(kakaos.render(base_url, message), 201, headers)


@blueprint.function_name("get-kakao")
@blueprint.route("kakaos/{id}", methods=["GET", "HEAD"], trigger_arg_name="request")
@http_function
async def get_kakao(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """GET /kakaos/{id}."""
    caller = await access.callers().operator_or_customer_app(request)
    shown = access.disclosure_to(caller, request, may_reveal=True)
    message = await kakao_app.look_up_kakao_messages().one(message_id(request))
    await shown.record(Action.READ, Target.MESSAGE, [message.customer_id])
    return hal_response(shown.of(kakaos.render(interface.base_url(request), message)))


@blueprint.function_name("get-receipt")
@blueprint.route("receipts/{id}", methods=["GET"], trigger_arg_name="request")
@http_function
async def get_receipt(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """GET /receipts/{id}: 204 if the message was sent, 404 if it certainly was not. Not for clients of the gateway."""
    await access.callers().customer_app(request)
    deadline = kakao_app.kakao_deadline(time_left(request))
    if not await kakao_app.was_sent()(message_id(request), deadline):
        raise NotFound("This message was not sent.")
    return func.HttpResponse(status_code=204)


@blueprint.function_name("list-kakaos")
@blueprint.route("kakaos", methods=["GET", "HEAD"], trigger_arg_name="request")
@http_function
async def list_kakaos(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """GET /kakaos?size=&cursor=."""
    shown = access.disclosure_to(await access.callers().operator(request), request)
    requested = read_page_request(request)
    page = await kakao_app.look_up_kakao_messages().page(requested.size, requested.after)
    await shown.record(Action.LIST, Target.MESSAGE, [message.customer_id for message in page.items])
    return hal_response(shown.of(kakaos.render_page(interface.base_url(request), page, requested)))


@blueprint.function_name("kakao-alert")
@blueprint.service_bus_topic_trigger(
    "message",
    connection=resources.SERVICE_BUS_CONNECTION,
    topic_name=resources.TOPIC,
    subscription_name=resources.KAKAO_ALERT,
)
@event_function
async def alert_cancellation(event: CustomerEvent) -> None:
    """Sends the alert of a cancellation, the only event that the subscription receives."""
    await kakao_app.alert_cancellation()(event)


@blueprint.function_name("forget-messages")
@blueprint.timer_trigger("timer", schedule=FORGETTING_SCHEDULE)
@timer_function
async def forget_messages() -> None:
    """Makes sure that no message tells anything about one who has cancelled, or who never became a customer.

    It also removes alerts that have expired.
    """
    try:
        await kakao_app.forget_messages()()
        await kakao_app.forget_strangers()()
    finally:
        await kakao_app.remove_expired_alerts()()
