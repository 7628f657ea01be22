"""Telemetry that leaves the system: one trace from the gateway to the last event, every metric, no personal data."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient

from local_azure.stack import Stack
from shared.domain.forgetting import FORGET_AFTER
from shared.metrics import METRICS
from shared.resources import EVENTS_SET_ASIDE, TOPIC
from tests.end_to_end.stored_everywhere import messages
from tests.end_to_end.telemetry_receiver import Envelope, ReceivedSpan, Receiver, receiving
from tests.unit.infra.deployments import deployment
from tools.paths import LOCAL_AZURE_SETTINGS
from tools.play.apps import COLLECTIONS
from tools.play.local_system import LocalSystem
from tools.play.scenario import POSTPONED_SECONDS, RESPOND_ASYNC
from tools.play.waiting import wait_until

# Occurs nowhere else, and is searched for in every byte that leaves the system.
NAME, ADDRESS = "도깨비-홍길동", "무진시 안개로 77"
CORRECTED = "도깨비-임꺽정"
PHONE = "+82 10-8374-6592"
CUSTOMER = {"customerName": NAME, "customerAddress": ADDRESS, "customerAge": 83, "customerPhone": PHONE}
# The number as it was sent, as it is stored (01083746592), and as it is shown (010-8374-6592).
PERSONAL = (NAME, CORRECTED, ADDRESS, "10-8374-6592", "1083746592")
# Nobody signs in here, neither customers nor operators: test_telemetry_of_customers.py.
OF_KNOWN_PEOPLE = ("ssak8.accesses", "ssak8.sign_ins")
EXPECTED = {name: attributes for name, attributes in METRICS.items() if name not in OF_KNOWN_PEOPLE}
EXPORT_SECONDS = 0.5
FAST_EXPORTS = {
    "OTEL_BSP_SCHEDULE_DELAY": "200",
    "OTEL_BLRP_SCHEDULE_DELAY": "200",
    "OTEL_METRIC_EXPORT_INTERVAL": str(round(EXPORT_SECONDS * 1000)),
    "KAKAO_BREAKER_RESET_SECONDS": "1",
    "DELIVERY_RETRY_SECONDS": "1",
}
CONNECTION = "InstrumentationKey=00000000-0000-0000-0000-000000000001;IngestionEndpoint={url}/;LiveEndpoint={url}/"

# In one worker: all of them share two stacks.
pytestmark = pytest.mark.xdist_group("telemetry")

type Step = tuple[str, str]
"""Service and name of a span."""


@contextmanager
def started_stack(factory: pytest.TempPathFactory, environment: dict[str, str]) -> Iterator[Stack]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**FAST_EXPORTS, **environment}.items():
            patch.setenv(name, value)
        with Stack.start(LOCAL_AZURE_SETTINGS, factory.mktemp("stack")) as stack:
            yield stack


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def traced_stack(receiver: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Sends everything to an OTLP endpoint."""
    with started_stack(tmp_path_factory, {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url}) as stack:
        yield stack


@pytest.fixture
async def system(traced_stack: Stack) -> AsyncIterator[LocalSystem]:
    async with LocalSystem.of(traced_stack) as system:
        yield system


def paths(receiver: Receiver, trace_id: str) -> set[tuple[Step, ...]]:
    """The spans of a trace, each as its path from the first span."""
    spans = {span.span_id: span for span in receiver.spans() if span.trace_id == trace_id}

    def path(span: ReceivedSpan) -> tuple[Step, ...]:
        before = path(spans[span.parent]) if span.parent in spans else ()
        return (*before, (span.service, span.name))

    return {path(span) for span in spans.values()}


def traces_of(receiver: Receiver, name: str) -> set[str]:
    """The ids of the traces that start with this span of the gateway."""
    return {span.trace_id for span in receiver.spans() if (span.service, span.name) == ("gateway", name)}


async def test_a_registration_is_one_trace_from_the_gateway_to_the_view(
    system: LocalSystem, receiver: Receiver
) -> None:
    earlier = traces_of(receiver, "POST /customers")
    await system.register(CUSTOMER)
    register = (("gateway", "POST /customers"), ("customer", "POST /customers"), ("customer", "register-customer"))
    send = (*register, ("customer", "POST"), ("kakao", "POST /kakaos"), ("kakao", "send-kakao"))
    publish = (*register, ("customer", f"send {TOPIC}"))
    view = (*publish, ("customerview", "process CustomerRegistered"))
    expected = {
        *(register[:length] for length in (1, 2, 3)),
        *(send[:length] for length in (4, 5, 6)),
        (*send, ("kakao", "create_item kakaos")),
        (*register, ("customer", "execute_item_batch customers")),
        publish,
        view,
        (*view, ("customerview", "create_item customerViews")),
    }

    async def complete() -> bool:
        return [paths(receiver, trace) for trace in traces_of(receiver, "POST /customers") - earlier] == [expected]

    await wait_until(complete, "the trace is complete")


async def test_a_cancellation_is_one_trace_to_the_alert_and_the_view(system: LocalSystem, receiver: Receiver) -> None:
    customer_id = await system.register(CUSTOMER)
    await system.wait_for_view(customer_id, "REGISTERED")
    earlier = traces_of(receiver, "DELETE /customers")
    await system.call("DELETE", f"/customers/{customer_id}")
    cancel = (
        ("gateway", "DELETE /customers"),
        ("customer", "DELETE /customers/{id}"),
        ("customer", "cancel-registration"),
    )
    publish = (*cancel, ("customer", f"send {TOPIC}"))
    event = "process CustomerRegisterCanceled"
    expected = {
        (*cancel, ("customer", "execute_item_batch customers")),
        (*publish, ("kakao", "kakao-alert"), ("kakao", event), ("kakao", "create_item kakaos")),
        (*publish, ("customerview", event), ("customerview", "replace_item customerViews")),
    }

    async def complete() -> bool:
        traces = traces_of(receiver, "DELETE /customers") - earlier
        return [expected <= paths(receiver, trace) for trace in traces] == [True]

    await wait_until(complete, "the trace is complete")


async def test_a_correction_is_one_trace_to_the_view(system: LocalSystem, receiver: Receiver) -> None:
    customer_id = await system.register(CUSTOMER)
    await system.wait_for_view(customer_id, "REGISTERED")
    earlier = traces_of(receiver, "PATCH /customers")
    await system.call("PATCH", f"/customers/{customer_id}", json={"customerName": CORRECTED})
    correct = (("gateway", "PATCH /customers"), ("customer", "PATCH /customers/{id}"), ("customer", "patch-customer"))
    event = "process CustomerUpdated"
    expected = {
        (*correct, ("customer", "execute_item_batch customers")),
        (*correct, ("customer", f"send {TOPIC}"), ("customerview", event)),
    }

    async def complete() -> bool:
        traces = [paths(receiver, trace) for trace in traces_of(receiver, "PATCH /customers") - earlier]
        return [expected <= trace for trace in traces] == [True]

    await wait_until(complete, "the trace is complete")
    [trace] = traces_of(receiver, "PATCH /customers") - earlier
    assert "kakao" not in {service for path in paths(receiver, trace) for service, _ in path}


async def test_a_callers_trace_is_continued(system: LocalSystem, receiver: Receiver) -> None:
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    headers = {"traceparent": f"00-{trace_id}-b7ad6b7169203331-01"}

    await system.call("GET", "/customers", headers=headers)

    async def arrived() -> bool:
        return (("gateway", "GET /customers"), ("customer", "GET /customers")) in paths(receiver, trace_id)

    await wait_until(arrived, "the trace arrived")


async def refuse_and_postpone(system: LocalSystem) -> None:
    """Without kakao; once it is back, the postponed one is registered."""
    await asyncio.to_thread(system.stack.stop_service, "kakao")
    assert (await system.call("POST", "/customers", json=CUSTOMER)).status == 503
    postponed = await system.call("POST", "/customers", json=CUSTOMER, headers=RESPOND_ASYNC)
    assert postponed.status == 202
    await asyncio.to_thread(system.stack.start_service, "kakao")
    await system.wait_for_registration(postponed.headers["Location"], "registered", POSTPONED_SECONDS)


async def let_expire(system: LocalSystem) -> None:
    """Five days after a cancellation: the timers look at it, and remove a message that nobody could read."""
    await send(system.stack, json.dumps({"specversion": "1.0", "data": CUSTOMER}, ensure_ascii=False))

    async def is_aside() -> bool:
        return any([place.startswith(EVENTS_SET_ASIDE) async for place, _ in messages(system.stack)])

    await wait_until(is_aside, "the message was put aside")
    await asyncio.to_thread(system.stack.advance_clock, FORGET_AFTER)
    for service, name in (("customer", "claims"), ("kakao", "messages"), ("customerview", "views")):
        await system.call("POST", f"/admin/functions/forget-{name}", service=service, json={})


async def test_every_metric_arrives(system: LocalSystem, receiver: Receiver) -> None:
    customer_id = await system.register(CUSTOMER)
    await refuse_and_postpone(system)
    await system.call("DELETE", f"/customers/{customer_id}")
    await system.wait_for_alert(customer_id)
    await let_expire(system)

    async def all_there() -> bool:
        return {name for name in receiver.metrics() if name.startswith("ssak8.")} == EXPECTED.keys()

    await wait_until(all_there, "every metric arrived")
    refused = [span for span in receiver.spans() if span.failed and span.name == "register-customer"]
    assert {span.attributes["error.type"] for span in refused} == {"KakaoUnavailable"}


async def test_a_replayed_response_is_not_counted_as_a_registration(system: LocalSystem, receiver: Receiver) -> None:
    async def counted(at_least: int) -> None:
        async def is_there() -> bool:
            return receiver.count("ssak8.registrations") >= at_least

        await wait_until(is_there, f"{at_least} registrations were counted")
        # Anything counted later arrives with the next export.
        await asyncio.sleep(2 * EXPORT_SECONDS)

    await system.register(CUSTOMER)
    await counted(at_least=1)
    before = receiver.count("ssak8.registrations")

    for _ in range(3):
        response = await system.call("POST", "/customers", json=CUSTOMER, headers={"Idempotency-Key": f"key-{before}"})
        assert response.status == 201

    await counted(at_least=before + 1)
    assert receiver.count("ssak8.registrations") == before + 1


async def test_no_personal_data_leaves_the_system_whatever_goes_wrong(system: LocalSystem, receiver: Receiver) -> None:
    await system.call("POST", "/customers", json={**CUSTOMER, "customerAge": "old"})
    await system.call("POST", "/customers", data=f'{{"customerName": "{NAME}", ')
    await system.call("POST", "/customers", json={**CUSTOMER, "customerPhone": f"{PHONE}x"})
    await system.call("POST", "/customers", json={**CUSTOMER, "customerPhone": f"{PHONE}1"})
    await system.call("POST", f"/customers?customerName={NAME}&customerPhone=01083746592", json=CUSTOMER)
    await system.call("POST", "/kakaos", json=CUSTOMER)
    await system.call("GET", f"/customers/{NAME}")
    await send(system.stack, json.dumps({"specversion": "1.0", "data": CUSTOMER}, ensure_ascii=False))

    async def reported() -> bool:
        failed = any(span.failed and span.name == "process unreadable message" for span in receiver.spans())
        return failed and receiver.holds("was put aside: UnreadableEvent", "/v1/logs")

    await wait_until(reported, "the unreadable event was reported")
    for personal in PERSONAL:
        assert not receiver.holds(personal)
        assert not any(personal in system.stack.log(app) for app in (*COLLECTIONS, "gateway"))


async def send(stack: Stack, body: str) -> None:
    """Sends a message that is not one of our events."""
    connection = stack.connection_string("service_bus")
    async with ServiceBusClient.from_connection_string(connection) as client, client.get_topic_sender(TOPIC) as sender:
        await sender.send_messages(ServiceBusMessage(body))


@pytest.fixture(scope="module")
def insights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    """Everything sent to Application Insights for one registration and its cancellation, and a postponed one."""
    settings = {name: value for name, value in deployment("dev").settings("customer").items() if name[:5] == "OTEL_"}
    del settings["OTEL_SERVICE_NAME"]
    with receiving() as receiver:
        own = {
            "PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY": "true",
            "APPLICATIONINSIGHTS_CONNECTION_STRING": CONNECTION.format(url=receiver.url),
            "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true",
        }
        with started_stack(tmp_path_factory, {**settings, **own}) as stack:
            asyncio.run(register_and_cancel(stack, receiver))
        yield receiver


async def register_and_cancel(stack: Stack, receiver: Receiver) -> None:
    async with LocalSystem.of(stack) as system:
        customer_id = await system.register(CUSTOMER)
        await system.call("DELETE", f"/customers/{customer_id}")
        await system.wait_for_alert(customer_id)
        await system.wait_for_view(customer_id, "CANCELED")
        await refuse_and_postpone(system)
        await let_expire(system)

    async def all_there() -> bool:
        return {name for name, _ in metrics_in(receiver)} >= EXPECTED.keys()

    await wait_until(all_there, "every metric arrived")


def test_application_insights_receives_the_metrics_that_its_queries_expect(insights: Receiver) -> None:
    assert metrics_in(insights) >= set(EXPECTED.items())
    points = [point for envelope in insights.envelopes("MetricData") for point in data(envelope)["metrics"]]
    timed = [point for point in points if point["name"].startswith("ssak8.") and point["name"].endswith("age")]
    assert timed
    assert all(0 <= point["min"] <= point["max"] <= point["value"] and point["count"] for point in timed)


def test_application_insights_receives_one_trace_with_every_app(insights: Receiver) -> None:
    requests, dependencies = insights.envelopes("RequestData"), insights.envelopes("RemoteDependencyData")
    # The first of each name: the registration that is cancelled came before the one that is postponed.
    traces = {data(envelope)["name"]: envelope["tags"]["ai.operation.id"] for envelope in reversed(requests)}
    registration, cancellation = traces["POST /customers"], traces["DELETE /customers/{id}"]

    def called(trace: str) -> set[Step]:
        return {(role(e), data(e)["name"]) for e in requests if e["tags"]["ai.operation.id"] == trace}

    assert called(registration) == {
        ("customer", "POST /customers"),
        ("kakao", "POST /kakaos"),
    }
    assert called(cancellation) == {("customer", "DELETE /customers/{id}"), ("kakao", "kakao-alert")}
    # A batch has a trace of its own; what it does for each event is in that of the event.
    assert "view-updater" in traces
    for trace, event in ((registration, "CustomerRegistered"), (cancellation, "CustomerRegisterCanceled")):
        handled = {data(e)["name"] for e in dependencies if e["tags"]["ai.operation.id"] == trace}
        assert f"process {event}" in handled
    called_by_it = {
        (data(e)["type"], data(e).get("resultCode"))
        for e in dependencies
        if e["tags"]["ai.operation.id"] == registration
    }
    assert called_by_it == {
        ("InProc", "0"),
        ("HTTP", "201"),
        ("azure.cosmosdb", "0"),
        ("Queue Message | servicebus", "0"),
    }


def test_application_insights_receives_no_personal_data(insights: Receiver) -> None:
    assert insights.holds("register-customer")
    assert not [personal for personal in PERSONAL if insights.holds(personal)]


def metrics_in(receiver: Receiver) -> set[tuple[str, tuple[str, ...]]]:
    """The metrics sent to Application Insights: name and attributes."""
    return {
        (point["name"], tuple(sorted(data(envelope)["properties"])))
        for envelope in receiver.envelopes("MetricData")
        for point in data(envelope)["metrics"]
    }


def data(envelope: Envelope) -> dict[str, Any]:
    return dict(envelope["data"]["baseData"])


def role(envelope: Envelope) -> str:
    return str(envelope["tags"]["ai.cloud.role"])
