"""Which adapter serves which port. Each is built once in a process, on the running event loop."""

import asyncio
import time
from datetime import timedelta
from functools import cache
from typing import Final

import azure.functions as func

from shared import metrics
from shared.adapters.admission import Admission
from shared.adapters.attempt_queue import ServiceBusAttemptQueue
from shared.adapters.cosmos import CosmosDatabase
from shared.adapters.customer_views import CosmosCustomerViews
from shared.adapters.customers import CosmosCustomers
from shared.adapters.identity import managed_identity
from shared.adapters.kakao_client import KakaoClient
from shared.adapters.kakao_messages import CosmosKakaoMessages
from shared.adapters.kakao_providers import PROVIDERS
from shared.adapters.kakao_providers.sandbox import SandboxProvider
from shared.adapters.registrations import CosmosRegistrations
from shared.adapters.reservations import CosmosReservations
from shared.adapters.service_bus import ServiceBusEventPublisher
from shared.adapters.set_aside import ServiceBusMessagesSetAside
from shared.adapters.swept_outbox import CosmosSweptOutbox
from shared.domain.customer import Customer, CustomerInput, with_phone_number
from shared.domain.customer_view import CustomerView
from shared.domain.events import CustomerEvent
from shared.domain.identifiers import CustomerId, new_uuid7, utc_now
from shared.domain.kakao_message import KakaoMessage, MessageId
from shared.events.batches import BatchHandler
from shared.events.retrying import RetryWhileUnavailable
from shared.garbage_collection import spare_long_lived_objects
from shared.http.links import public_base_url
from shared.resources import CUSTOMER_VIEWS, CUSTOMERS, KAKAOS, VIEW_UPDATER
from shared.settings import Service, settings
from shared.use_cases.admitting import AdmitRegistration
from shared.use_cases.alerting import AlertCancellation
from shared.use_cases.cancelling import CancelRegistration
from shared.use_cases.correcting import CorrectCustomer
from shared.use_cases.deadline import Deadline
from shared.use_cases.deferred_run import RunDeferred
from shared.use_cases.looking_up import LookUp, LookUpRegistration
from shared.use_cases.postponing import PostponeRegistration
from shared.use_cases.projecting import UpdateView
from shared.use_cases.publishing import PublishOutbox
from shared.use_cases.registering import RegisterCustomer
from shared.use_cases.registration_upkeep import RegistrationUpkeep
from shared.use_cases.registrations import Lifetimes
from shared.use_cases.retry_pace import RetryPace
from shared.use_cases.retry_share import RetryShare
from shared.use_cases.sending import KakaoProvider, SendKakao, WasSent
from shared.use_cases.sweeping import SweepOutbox
from shared.use_cases.trying import KeepRegistrations, TryRegistration
from shared.use_cases.withdrawing import KeepKey, WithdrawRegistration

CONTAINERS: Final = {
    Service.CUSTOMER: CUSTOMERS,
    Service.KAKAO: KAKAOS,
    Service.CUSTOMERVIEW: CUSTOMER_VIEWS,
}
"""The container of each service, to which its identity has access."""

_starting: Final[set[asyncio.Task[None]]] = set()


def open_at_start() -> None:
    """Begins to open what the services of this app need, in the background.

    Without a running event loop (when a test or a tool lists the functions) it opens nothing: the first calls do.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    services = settings().ssak8_services
    database().open_at_start([container for service, container in CONTAINERS.items() if service in services])
    if Service.CUSTOMER in services:
        kakao_client().open_at_start()
        event_publisher().open_at_start()
    _starting.add(asyncio.create_task(_start(services)))


async def _start(services: frozenset[Service]) -> None:
    await database().opened()
    if Service.CUSTOMER in services:
        await asyncio.gather(kakao_client().opened(), event_publisher().opened())
    spare_long_lived_objects()


async def opened() -> None:
    """Returns once everything is open that `open_at_start` began, or could not be opened in time."""
    if _starting:
        await asyncio.wait(_starting)


def base_url(request: func.HttpRequest) -> str:
    """Where the client sees this system."""
    return public_base_url(request, settings().public_base_url)


@cache
def database() -> CosmosDatabase:
    return CosmosDatabase(settings())


@cache
def kakao_provider() -> KakaoProvider:
    """The provider that KAKAO_PROVIDER names."""
    return PROVIDERS[settings().kakao_provider](settings())


def sandbox() -> SandboxProvider:
    """The provider, if it is the sandbox: otherwise the settings do not allow to change it."""
    provider = kakao_provider()
    if not isinstance(provider, SandboxProvider):
        raise TypeError("the provider is not the sandbox")
    return provider


def is_phone_number_needed() -> bool:
    """Whether a customer must have a phone number. Every app has the same KAKAO_PROVIDER, so all say the same."""
    return PROVIDERS[settings().kakao_provider].needs_phone_number


def request_model[Input: CustomerInput](model: type[Input]) -> type[Input]:
    """The model of a request, in which the phone number is required if the provider needs it."""
    return with_phone_number(model) if is_phone_number_needed() else model


@cache
def customers() -> CosmosCustomers:
    return CosmosCustomers(database(), settings())


@cache
def kakao_messages() -> CosmosKakaoMessages:
    return CosmosKakaoMessages(database(), settings())


@cache
def customer_views() -> CosmosCustomerViews:
    return CosmosCustomerViews(database(), settings())


@cache
def kakao_client() -> KakaoClient:
    credential = managed_identity(settings().azure_client_id) if settings().kakao_api_scope else None
    return KakaoClient(settings(), credential)


@cache
def admit_registration() -> AdmitRegistration:
    async def opened() -> None:
        await kakao_client().opened()
        await database().opened()

    queue = Admission(settings().registrations_at_once, settings().registration_seconds)
    return AdmitRegistration(queue, kakao_client(), opened, metrics.count_refusal)


@cache
def registrations() -> CosmosRegistrations:
    return CosmosRegistrations(database(), settings())


@cache
def customer_keys() -> CosmosReservations:
    return CosmosReservations(database(), CUSTOMERS, settings())


@cache
def lifetimes() -> Lifetimes:
    return Lifetimes(
        registration=timedelta(seconds=settings().registration_lifetime_seconds),
        key=timedelta(seconds=settings().idempotency_ttl_seconds),
    )


@cache
def register_customer() -> RegisterCustomer:
    return RegisterCustomer(kakao_client(), customers(), postpone_registration(), utc_now, new_uuid7, metrics)


@cache
def postpone_registration() -> PostponeRegistration:
    return PostponeRegistration(registrations(), customer_keys(), lifetimes(), utc_now, new_uuid7, metrics)


@cache
def look_up_registration() -> LookUpRegistration:
    return LookUpRegistration(registrations(), customers())


@cache
def keep_key() -> KeepKey:
    return KeepKey(customer_keys(), lifetimes())


@cache
def withdraw_registration() -> WithdrawRegistration:
    return WithdrawRegistration(registrations(), look_up_registration(), keep_key(), utc_now, metrics.count_ended)


@cache
def try_registration() -> TryRegistration:
    return TryRegistration(
        registrations(),
        attempt_queue(),
        kakao_client(),
        keep_key(),
        utc_now,
        new_uuid7,
        metrics,
        settings().registration_seconds,
    )


@cache
def run_deferred() -> RunDeferred:
    keeper = KeepRegistrations(registrations(), keep_key(), utc_now, metrics.count_ended)
    upkeep = RegistrationUpkeep(
        registrations(), attempt_queue(), keeper, metrics.set_oldest_pending, utc_now, time.monotonic
    )
    pace = RetryPace(settings().deferred_tries_per_second, settings().registrations_at_once)
    return RunDeferred(attempt_queue(), kakao_client(), try_registration(), upkeep, pace, time.monotonic)


@cache
def cancel_registration() -> CancelRegistration:
    return CancelRegistration(customers(), withdraw_registration(), utc_now, new_uuid7, metrics.count_cancellation)


@cache
def correct_customer() -> CorrectCustomer:
    return CorrectCustomer(customers(), utc_now, new_uuid7)


@cache
def event_publisher() -> ServiceBusEventPublisher:
    return ServiceBusEventPublisher(settings())


@cache
def attempt_queue() -> ServiceBusAttemptQueue:
    return ServiceBusAttemptQueue(settings())


@cache
def publish_outbox() -> PublishOutbox:
    return PublishOutbox(event_publisher(), attempt_queue(), metrics.record_outbox_age)


@cache
def sweep_outbox() -> SweepOutbox:
    lifetime = timedelta(seconds=settings().outbox_ttl_seconds)
    return SweepOutbox(CosmosSweptOutbox(database()), event_publisher(), utc_now, time.monotonic, lifetime)


def kakao_deadline(time_left: float | None) -> Deadline:
    """Until when the caller of kakao waits: it says so, or it is taken to wait as long as a registration does."""
    return Deadline.after(settings().kakao_timeout_seconds if time_left is None else time_left)


@cache
def send_kakao() -> SendKakao:
    reservations = CosmosReservations(database(), KAKAOS, settings())
    retries = RetryShare(time.monotonic)
    return SendKakao(kakao_provider(), retries, kakao_messages(), reservations, utc_now, new_uuid7)


@cache
def was_sent() -> WasSent:
    return WasSent(kakao_provider(), kakao_messages())


@cache
def alert_cancellation() -> RetryWhileUnavailable[CustomerEvent]:
    alert = AlertCancellation(kakao_provider(), kakao_messages(), utc_now, metrics.record_alert_age)
    return RetryWhileUnavailable(alert, settings().delivery_retry_seconds)


@cache
def update_views() -> BatchHandler:
    update = UpdateView(customer_views(), metrics.record_view_age)
    messages_set_aside = ServiceBusMessagesSetAside(settings())
    return BatchHandler(VIEW_UPDATER, update, messages_set_aside, settings().batch_retry_seconds)


@cache
def look_up_customers() -> LookUp[CustomerId, Customer]:
    return LookUp(customers())


@cache
def look_up_kakao_messages() -> LookUp[MessageId, KakaoMessage]:
    return LookUp(kakao_messages())


@cache
def look_up_customer_views() -> LookUp[CustomerId, CustomerView]:
    return LookUp(customer_views())
