"""The customer service: registering, correcting, cancelling, looking up, and publishing what was committed."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import azure.functions as func

from shared import resources
from shared.domain.access_record import Action, Target
from shared.domain.callers import Anybody, CustomerSession, Operator
from shared.domain.customer import UNSIGNED, Customer, CustomerInput, Signature, details_and_consent
from shared.domain.customer_patch import patch_of
from shared.domain.errors import AlreadyRegistered, NotFound
from shared.domain.identifiers import utc_now
from shared.domain.registration import Registration
from shared.events.edge import outbox_function, timer_function
from shared.http.callers import consent_shown_to, permission_of
from shared.http.details import read_details
from shared.http.edge import admitted_http_function, http_function
from shared.http.hal import Properties, Resource, hal_response, properties_of
from shared.http.operators import Disclosure, refuse_masked
from shared.http.paging import read_page_request
from shared.http.preferences import prefers_async
from shared.http.registrations import already_registered, postponed_response
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
from shared.use_cases.forgetting import SCHEDULE as FORGETTING_SCHEDULE
from shared.use_cases.postponing import Answer, RegistrationRequest
from shared.use_cases.publishing import Outbox
from shared.use_cases.searching import CustomerSearch
from shared.use_cases.sweeping import MINUTES_BETWEEN_SWEEPS
from shared.wiring import access, customer_app, interface

# Their events, some 600 bytes each, fit into one batch of the topic (256 KB).
DOCUMENTS_A_CALL: Final = 200

SEARCH: Final = "customers/search"

blueprint = func.Blueprint()


def _properties(customer: Customer) -> Properties:
    properties = properties_of(customer)
    return {"id": properties.pop("customerId"), **properties}


customers = Resource[Customer]("customer", "customers", _properties)


def _etag(customer: Customer) -> str:
    return f'"{customer.version}"'


async def _who_registers(request: func.HttpRequest) -> CustomerSession | Anybody:
    return await access.callers().customer(request)


async def postpone_registration(request: func.HttpRequest, caller: CustomerSession | Anybody) -> func.HttpResponse:
    """POST /customers instead of 503, if the client would rather wait: 202."""
    deadline = Deadline.after(settings().registration_seconds)
    return await _register(request, caller, deadline, customer_app.postpone_registration())


@blueprint.function_name("register-customer")
@blueprint.route("customers", methods=["POST"], trigger_arg_name="request")
@admitted_http_function(_who_registers, customer_app.admit_registration, if_async=postpone_registration)
async def register_customer(
    request: func.HttpRequest, caller: CustomerSession | Anybody, deadline: Deadline
) -> func.HttpResponse:
    """POST /customers: 201, or 503 if it cannot be served in time or KakaoTalk could not be notified.

    With Prefer: respond-async 202 instead of 503.
    """
    return await _register(request, caller, deadline, customer_app.register_customer())


async def _register(
    request: func.HttpRequest,
    caller: CustomerSession | Anybody,
    deadline: Deadline,
    register: Callable[[RegistrationRequest, Deadline], Awaitable[Answer]],
) -> func.HttpResponse:
    base_url = interface.base_url(request)
    try:
        answer = await register(_registration_request(request, caller), deadline)
    except AlreadyRegistered as error:
        raise already_registered(base_url, error) from None
    if isinstance(answer, Registration):
        return postponed_response(base_url, answer, is_preferred=prefers_async(request))
    location = {"Location": customers.item_url(base_url, answer.customer_id)}
    return _response(request, access.disclosure_to(caller, request), answer, 201, location)


def _registration_request(request: func.HttpRequest, caller: CustomerSession | Anybody) -> RegistrationRequest:
    sent = read_details(request, interface.registration_model(caller), interface.minimum_age(caller))
    details, consent = details_and_consent(sent, utc_now())
    signature = UNSIGNED if isinstance(caller, Anybody) else Signature(caller.owner, consent)
    return RegistrationRequest(details, idempotency_key(request), prefers_async(request), signature)


def _response(
    request: func.HttpRequest,
    shown: Disclosure,
    customer: Customer,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> func.HttpResponse:
    """The customer, as the caller may see it."""
    consent = consent_shown_to(shown.caller, customer.consent)
    body = shown.of(customers.render(interface.base_url(request), customer, consent))
    return hal_response(body, status, {**(headers or {}), "ETag": _etag(customer)})


@blueprint.function_name("get-customer")
@blueprint.route("customers/{id}", methods=["GET", "HEAD"], trigger_arg_name="request")
@http_function
async def get_customer(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """GET /customers/{id}."""
    caller = await access.callers().customer_or_operator(request)
    shown = access.disclosure_to(caller, request, may_reveal=True)
    customer = await customer_app.look_up_customers().one(customer_id(request), permission_of(caller))
    await shown.record(Action.READ, Target.CUSTOMER, [customer.customer_id])
    if is_unchanged(request, customer.version):
        return func.HttpResponse(status_code=304, headers={"ETag": _etag(customer), "Cache-Control": "no-store"})
    return _response(request, shown, customer)


@blueprint.function_name("list-customers")
@blueprint.route("customers", methods=["GET", "HEAD"], trigger_arg_name="request")
@http_function
async def list_customers(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """GET /customers?size=&cursor=."""
    shown = access.disclosure_to(await access.callers().operator(request), request)
    requested = read_page_request(request)
    page = await customer_app.look_up_customers().page(requested.size, requested.after)
    await shown.record(Action.LIST, Target.CUSTOMER, [customer.customer_id for customer in page.items])
    return hal_response(shown.of(customers.render_page(interface.base_url(request), page, requested)))


@blueprint.function_name("search-customers")
@blueprint.route(SEARCH, methods=["POST"], trigger_arg_name="request")
@http_function
async def search_customers(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """POST /customers/search: 200 with the customers who have exactly this phone number. Only for operators."""
    caller = await access.callers().operator(request)
    if isinstance(caller, Anybody):
        raise NotFound("There is nothing at this path.")
    shown, base_url = access.disclosure_to(caller, request), interface.base_url(request)
    found = await customer_app.search_customers()(read_json(request, CustomerSearch))
    await shown.record(Action.SEARCH, Target.CUSTOMER, [customer.customer_id for customer in found])
    return hal_response(shown.of(customers.render_found(base_url, found, f"{base_url}/{SEARCH}")))


@blueprint.function_name("replace-customer")
@blueprint.route("customers/{id}", methods=["PUT"], trigger_arg_name="request")
@http_function
async def replace_customer(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """PUT /customers/{id}: 200, with all details as in the body. An optional one that it leaves out is removed.

    Not for operators: what they have read is masked, and they would send it back.
    """
    caller = await access.callers().customer(request)
    details = read_details(request, interface.request_model(CustomerInput), interface.minimum_age(caller))
    return await _correct(request, caller, lambda _: details)


@blueprint.function_name("patch-customer")
@blueprint.route("customers/{id}", methods=["PATCH"], trigger_arg_name="request")
@http_function
async def patch_customer(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """PATCH /customers/{id}: 200, with what the body contains (JSON Merge Patch, RFC 7396)."""
    caller = await access.callers().customer_or_operator(request)
    model = patch_of(interface.request_model(CustomerInput))
    patch = read_details(request, model, interface.minimum_age(caller), (MERGE_PATCH, JSON))
    if isinstance(caller, Operator):
        refuse_masked(patch.model_dump(by_alias=True, exclude_unset=True))
    return await _correct(request, caller, patch.apply_to)


async def _correct(
    request: func.HttpRequest, caller: CustomerSession | Operator | Anybody, correction: Correction
) -> func.HttpResponse:
    shown, corrected = access.disclosure_to(caller, request), customer_id(request)
    await shown.record(Action.CORRECT, Target.CUSTOMER, [corrected])
    correct = customer_app.correct_customer()
    customer = await correct(corrected, correction, precondition(request), permission_of(caller))
    return _response(request, shown, customer)


@blueprint.function_name("cancel-registration")
@blueprint.route("customers/{id}", methods=["DELETE"], trigger_arg_name="request")
@http_function
async def cancel_registration(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """DELETE /customers/{id}: 204, whether kakao is up or not. A pending registration is withdrawn."""
    caller = await access.callers().customer_or_operator(request)
    canceled = customer_id(request)
    await access.disclosure_to(caller, request).record(Action.CANCEL, Target.CUSTOMER, [canceled])
    await customer_app.cancel_registration()(canceled, precondition(request), permission_of(caller))
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
    await customer_app.publish_outbox()(outbox)


@blueprint.function_name("sweep-outbox")
@blueprint.timer_trigger("timer", schedule=f"0 */{MINUTES_BETWEEN_SWEEPS} * * * *")
@timer_function
async def sweep_outbox() -> None:
    """Sends again what became five minutes old, in case event-publisher passed it over. One instance at a time."""
    await customer_app.renew_outbox()()
    await customer_app.sweep_outbox()()


@blueprint.function_name("forget-claims")
@blueprint.timer_trigger("timer", schedule=FORGETTING_SCHEDULE)
@timer_function
async def forget_claims() -> None:
    """Removes the claims of those who have no registration any more. One instance at a time, as all that forget."""
    try:
        await customer_app.forget_claims()()
    finally:
        await customer_app.remove_ended_claims()()
