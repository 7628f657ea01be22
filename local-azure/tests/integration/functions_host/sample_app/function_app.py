"""A function app with functions of each kind, which append records of their arguments to the file RECORD."""

import asyncio
import json
import os
import sys
import time
import typing
from pathlib import Path

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)

RECORD = Path(os.environ["RECORD"])
FAILURES = Path(os.environ["FAILURES"])


def record(function: str, **values: object) -> None:
    with RECORD.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"function": function, **values}) + "\n")


def must_fail(function: str) -> bool:
    """Whether a test wants this function to fail: once for each line of FAILURES, or `always`."""
    lines = FAILURES.read_text().splitlines() if FAILURES.exists() else []
    if f"{function} always" in lines:
        return True
    if function not in lines:
        return False
    lines.remove(function)
    FAILURES.write_text("\n".join(lines))
    return True


@app.function_name("hello")
@app.route("hello/{id:int?}", methods=["GET", "POST"], auth_level=func.AuthLevel.ANONYMOUS)
async def hello(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    if must_fail("hello"):
        raise ValueError("secret of a caller")
    values = {
        "method": req.method,
        "url": req.url,
        "query": dict(req.params),
        "headers": dict(req.headers),
        "route": dict(req.route_params),
        "body": req.get_body().decode(),
        "trace": context.trace_context.trace_parent,
    }
    headers = {"content-type": "application/json", "x-id": req.route_params.get("id", "")}
    return func.HttpResponse(json.dumps(values), headers=headers)


@app.function_name("slow")
@app.route("slow", methods=["GET"])
def slow(req: func.HttpRequest) -> func.HttpResponse:
    time.sleep(float(req.params["seconds"]))
    return func.HttpResponse("slept")


@app.function_name("waiting")
@app.route("waiting", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def waiting(req: func.HttpRequest) -> func.HttpResponse:
    await asyncio.sleep(float(req.params["seconds"]))
    return func.HttpResponse("waited")


@app.function_name("nothing")
@app.route("nothing", methods=["GET"])
async def nothing(req: func.HttpRequest) -> func.HttpResponse:
    return None  # type: ignore[return-value] # a test checks the host's answer


@app.function_name("leave")
@app.route("leave", methods=["GET"])
async def leave(req: func.HttpRequest) -> func.HttpResponse:
    sys.exit(3)


@app.function_name("cookies")
@app.route("cookies", methods=["GET", "HEAD"])
async def cookies(req: func.HttpRequest) -> func.HttpResponse:
    response = func.HttpResponse(status_code=202)
    response.headers.add("Set-Cookie", "a=1; Path=/x")
    response.headers.add("Set-Cookie", "b=2; HttpOnly")
    response.headers.add("Set-Cookie", "__Host-c=a.b-_=; Max-Age=60; Path=/; HttpOnly; SameSite=Lax; Secure")
    response.headers.add("Set-Cookie", "__Host-d=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax; Secure")
    return response


@app.function_name("on-message")
@app.service_bus_topic_trigger(
    "message", connection="SERVICE_BUS", topic_name="%TOPIC%", subscription_name="one-by-one"
)
async def on_message(message: func.ServiceBusMessage, context: func.Context) -> None:
    body = message.get_body().decode()
    seconds = float((message.user_properties or {}).get("seconds", 0))
    record("on-message-started", body=body)
    await asyncio.sleep(seconds)
    if must_fail("on-message"):
        raise RuntimeError("requested by a test")
    record(
        "on-message",
        body=body,
        message_id=message.message_id,
        subject=message.subject,
        correlation_id=message.correlation_id,
        content_type=message.content_type,
        delivery_count=message.delivery_count,
        sequence_number=message.sequence_number,
        lock_token=message.lock_token,
        properties=message.application_properties,
        user_properties=message.user_properties,
        enqueued=message.enqueued_time_utc.isoformat() if message.enqueued_time_utc else None,
        expires=message.expires_at_utc.isoformat() if message.expires_at_utc else None,
        metadata=sorted(message.metadata or {}),
        trace=context.trace_context.trace_parent,
    )


@app.function_name("on-batch")
@app.service_bus_queue_trigger(
    "messages",
    connection="SERVICE_BUS",
    queue_name="batches",
    cardinality=func.Cardinality.MANY,
    data_type=func.DataType.BINARY,
)
async def on_batch(
    messages: typing.List[func.ServiceBusMessage],  # noqa: UP006 - the library wants this
    context: func.Context,
) -> None:
    if must_fail("on-batch"):
        raise RuntimeError("requested by a test")
    record(
        "on-batch",
        bodies=[message.get_body().decode() for message in messages],
        ids=[message.message_id for message in messages],
        properties=[message.application_properties for message in messages],
        counts=[message.delivery_count for message in messages],
        subjects=[message.subject for message in messages],
        numbers=[message.sequence_number for message in messages],
        enqueued=[str(message.enqueued_time_utc) for message in messages],
        trace=context.trace_context.trace_parent,
    )
    await asyncio.sleep(max(float((message.application_properties or {}).get("seconds", 0)) for message in messages))


def cosmos(function: str, container: str, **settings: typing.Any) -> typing.Callable[..., typing.Any]:
    return app.cosmos_db_trigger(
        "documents",
        connection="COSMOS",
        database_name="sample",
        container_name=container,
        lease_container_prefix=f"{function}.",
        create_lease_container_if_not_exists=True,
        feed_poll_delay=50,
        **settings,
    )


@app.function_name("on-change")
@cosmos("on-change", "kept", start_from_beginning=True, max_items_per_invocation=10)
@app.retry(
    strategy="exponential_backoff", max_retry_count="-1", minimum_interval="00:00:00", maximum_interval="00:00:01"
)
async def on_change(documents: func.DocumentList, context: func.Context) -> None:
    if must_fail("on-change"):
        record("on-change-failed", retry=context.retry_context.retry_count)
        raise RuntimeError("requested by a test")
    record("on-change", ids=[document["id"] for document in documents], retry=context.retry_context.retry_count)


@app.function_name("on-loss")
@cosmos("on-loss", "lost")
async def on_loss(documents: func.DocumentList) -> None:
    if must_fail("on-loss"):
        record("on-loss-failed", ids=[document["id"] for document in documents])
        raise RuntimeError("requested by a test")
    record("on-loss", ids=[document["id"] for document in documents])


@app.function_name("tick")
@app.timer_trigger("timer", schedule="%TICK%", run_on_startup=False)
async def tick(timer: func.TimerRequest) -> None:
    record("tick", past_due=timer.past_due)
    await asyncio.sleep(1.1)
    record("tick-ended")
