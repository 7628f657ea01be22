"""The kakao service: sending messages, alerting of cancellations, looking up what was sent."""

import azure.functions as func

from functions.events import react_to_event
from shared import metrics, resources, wiring
from shared.domain.kakao_message import KakaoMessage, KakaoMessageDraft
from shared.http.edge import http_function
from shared.http.hal import Properties, Resource, hal_response
from shared.http.paging import page_request
from shared.http.requests import idempotency_key, read_json

blueprint = func.Blueprint()


def _properties(message: KakaoMessage) -> Properties:
    properties = message.to_json_object()
    del properties["requestFingerprint"]
    return {"id": message.message_id, **properties}


kakaos = Resource[KakaoMessage]("kakao", "kakaos", _properties)


@blueprint.function_name("send-kakao")
@blueprint.route("kakaos", methods=["POST"], trigger_arg_name="request")
@http_function
async def send_kakao(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """POST /kakaos: 201 once the provider has taken the message."""
    draft = read_json(request, KakaoMessageDraft)
    message = await wiring.send_kakao()(draft, idempotency_key(request))
    headers = {"Location": kakaos.item_url(request, message.message_id)}
    return hal_response(kakaos.render(request, message), 201, headers)


@blueprint.function_name("get-kakao")
@blueprint.route("kakaos/{id}", methods=["GET"], trigger_arg_name="request")
@http_function
async def get_kakao(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """GET /kakaos/{id}."""
    message = await wiring.look_up_kakao_messages().one(request.route_params["id"])
    return hal_response(kakaos.render(request, message))


@blueprint.function_name("list-kakaos")
@blueprint.route("kakaos", methods=["GET"], trigger_arg_name="request")
@http_function
async def list_kakaos(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """GET /kakaos?size=&cursor=."""
    asked = page_request(request)
    page = await wiring.look_up_kakao_messages().page(asked.size, asked.after)
    return hal_response(kakaos.render_page(request, page, asked))


@blueprint.function_name("kakao-alert")
@blueprint.service_bus_topic_trigger(
    "message",
    connection=resources.SERVICE_BUS_CONNECTION,
    topic_name=resources.TOPIC,
    subscription_name=resources.KAKAO_ALERT,
)
async def alert_cancellation(message: func.ServiceBusMessage) -> None:
    """A cancellation is announced; the subscription passes nothing else."""
    await react_to_event(message, wiring.alert_cancellation(), metrics.alert_age)
