"""Which adapter serves which port. Each is built once in a process, on the running event loop."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import cache, partial
from typing import Final

import azure.functions as func

from shared import metrics
from shared.adapters.access_records import CosmosAccessRecords
from shared.adapters.admission import Admission
from shared.adapters.attempt_queue import ServiceBusAttemptQueue
from shared.adapters.cancellations import CosmosCancellations
from shared.adapters.claims import CosmosClaims
from shared.adapters.cosmos import CosmosDatabase
from shared.adapters.customer_views import CosmosCustomerViews
from shared.adapters.customers import CosmosCustomers
from shared.adapters.database_clock import CosmosClock
from shared.adapters.ended_claims import CosmosEndedClaims
from shared.adapters.identity import managed_identity
from shared.adapters.issuer_keys import CachedIssuer, OpenIdIssuer
from shared.adapters.kakao_client import KakaoClient
from shared.adapters.kakao_messages import CosmosKakaoMessages
from shared.adapters.kakao_providers import PROVIDERS
from shared.adapters.kakao_providers.sandbox import SandboxProvider
from shared.adapters.kept_messages import (
    SET_ASIDE,
    SET_ASIDE_DEAD_LETTERS,
    Place,
    ServiceBusKeptMessages,
    dead_letters_of,
)
from shared.adapters.marks import CosmosMarks
from shared.adapters.own import CosmosOwnDocuments
from shared.adapters.privacy_policies import read_policy_texts
from shared.adapters.registrations import CosmosRegistrations
from shared.adapters.reservations import CosmosReservations
from shared.adapters.service_bus import ServiceBusEventPublisher
from shared.adapters.set_aside import ServiceBusMessagesSetAside
from shared.adapters.swept_outbox import CosmosSweptOutbox
from shared.adapters.tokens import Expected, TokenVerifier
from shared.domain.callers import Anybody, Caller, CustomerSession, Operator
from shared.domain.cancellation import Cancellation
from shared.domain.customer import Customer, CustomerInput, with_consent, with_phone_number
from shared.domain.customer_view import CustomerView
from shared.domain.documents import DocumentKind
from shared.domain.events import CustomerEvent
from shared.domain.identifiers import CustomerId, new_uuid7, utc_now
from shared.domain.kakao_message import KakaoMessage, MessageId
from shared.domain.privacy_policy import AGE_OF_CONSENT, PrivacyPolicy
from shared.events.batches import BatchHandler
from shared.events.retrying import RetryWhileUnavailable
from shared.garbage_collection import spare_long_lived_objects
from shared.http.callers import Callers
from shared.http.links import public_base_url
from shared.http.operators import Disclosure, disclosure
from shared.resources import ACCESS_RECORDS, CUSTOMER_VIEWS, CUSTOMERS, KAKAO_ALERT, KAKAOS, VIEW_UPDATER
from shared.session_keys import read_public_keys
from shared.settings import WITH_DATA, Access, Service, settings
from shared.use_cases.admitting import AdmitRegistration
from shared.use_cases.alerting import AlertCancellation
from shared.use_cases.cancelling import CancelRegistration
from shared.use_cases.claiming import CLOCKS_DIFFER_BY, ClaimRegistration
from shared.use_cases.correcting import CorrectCustomer
from shared.use_cases.deadline import Deadline
from shared.use_cases.deferred_run import RunDeferred
from shared.use_cases.forgetting import FollowCancellations
from shared.use_cases.forgetting_claims import ForgetClaim, RemoveEndedClaims
from shared.use_cases.forgetting_strangers import ForgetStrangers
from shared.use_cases.looking_up import LookUp, LookUpRegistration
from shared.use_cases.own import CollectOwnDocuments, LookUpOwnRegistration
from shared.use_cases.postponing import PostponeRegistration
from shared.use_cases.projecting import MoveView, UpdateView
from shared.use_cases.publishing import PublishOutbox
from shared.use_cases.recording import RecordAccess
from shared.use_cases.registering import RegisterCustomer
from shared.use_cases.registration_upkeep import RegistrationUpkeep
from shared.use_cases.registrations import GRACE_FOR_STORING, Lifetimes
from shared.use_cases.removing_expired import RebuildView, Removal, RemoveExpired, nothing_left
from shared.use_cases.renewing import RenewOutbox
from shared.use_cases.retry_pace import RetryPace
from shared.use_cases.retry_share import RetryShare
from shared.use_cases.searching import SearchCustomers
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

FORGETTING: Final = "mark-of-forgetting"
"""The id of the mark, in the container of each app, of how far it has looked through the cancellations."""

_starting: Final[set[asyncio.Task[None]]] = set()


def open_at_start() -> None:
    """Begins to open what the services of this app need, in the background.

    Without a running event loop (when a test or a tool lists the functions) it opens nothing: the first calls do.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    services = settings().ssak8_services & WITH_DATA
    if not services:
        return
    containers = [container for service, container in CONTAINERS.items() if service in services]
    if settings().callers_are_known:
        containers.append(ACCESS_RECORDS)
    database().open_at_start(containers)
    if Service.CUSTOMER in services:
        privacy_policy()  # reads files, and fails at once if the package has none
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
def callers() -> Callers:
    """Who calls. With ACCESS=open nobody has to say so, and without keys for tokens nobody can."""
    chosen = settings()
    verifier = token_verifier() if chosen.callers_are_known else None
    return Callers(verifier, chosen.customer_app_id, is_open=chosen.access is Access.OPEN)


@cache
def token_verifier() -> TokenVerifier:
    """Only where callers are known, for which the settings have checked that all of these are set."""
    chosen = settings()
    return TokenVerifier(
        Expected(_set(chosen.session_issuer), _set(chosen.session_audience)),
        read_public_keys(_set(chosen.session_public_keys)),
        Expected(_set(chosen.operator_issuer), _set(chosen.operator_audience)),
        CachedIssuer(entra_id(), "Entra ID", time.monotonic),
    )


@cache
def entra_id() -> OpenIdIssuer:
    return OpenIdIssuer(_set(settings().operator_issuer), settings().operator_keys_timeout_seconds)


def _set(value: str | None) -> str:
    if value is None:
        raise TypeError("only where callers are known is this setting needed")
    return value


def disclosure_to(caller: Caller | Anybody, request: func.HttpRequest, *, may_reveal: bool = False) -> Disclosure:
    """What the caller of this request gets to see. `may_reveal`: it reads one resource. Raises Problem 400."""
    return disclosure(request, caller, record_access(), may_reveal=may_reveal)


@cache
def record_access() -> RecordAccess:
    return RecordAccess(access_records(), utc_now, new_uuid7, metrics.count_access)


@cache
def access_records() -> CosmosAccessRecords:
    return CosmosAccessRecords(database(), settings())


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


def registration_model(caller: CustomerSession | Anybody) -> type[CustomerInput]:
    """The model of a registration: a customer who has signed in has to say what they consent to."""
    if isinstance(caller, Anybody):
        return request_model(CustomerInput)
    return request_model(with_consent(tuple(privacy_policy().versions)))


def minimum_age(caller: CustomerSession | Operator | Anybody) -> int:
    """The least age in what this caller sends. The privacy policy, to which customers consent, promises it too."""
    chosen = settings().customer_minimum_age
    return chosen if isinstance(caller, Anybody) else max(chosen, AGE_OF_CONSENT)


@cache
def privacy_policy() -> PrivacyPolicy:
    return PrivacyPolicy(read_policy_texts(), settings().privacy_details)


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
def cancellations() -> CosmosCancellations:
    return CosmosCancellations(database())


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
    return PostponeRegistration(
        registrations(), customer_keys(), claim_registration(), lifetimes(), utc_now, new_uuid7, metrics
    )


@cache
def claims() -> CosmosClaims:
    return CosmosClaims(database(), settings())


@cache
def claim_registration() -> ClaimRegistration:
    """Used where customers sign in: nobody else owns a registration."""
    # A write that has begun is given up by then, and whatever its connection still holds is dropped.
    longest = settings().registration_seconds + GRACE_FOR_STORING + settings().cosmos_timeout_seconds
    held_for = timedelta(seconds=longest) + CLOCKS_DIFFER_BY
    return ClaimRegistration(claims(), registrations(), customers(), held_for, utc_now)


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
    return SweepOutbox(swept_outbox(), sweep_marks(), event_publisher(), utc_now, time.monotonic, swept_outbox().renew)


@cache
def renew_outbox() -> RenewOutbox:
    lifetime = timedelta(seconds=settings().outbox_ttl_seconds)
    return RenewOutbox(swept_outbox(), sweep_marks(), CosmosClock(database(), CUSTOMERS), time.monotonic, lifetime)


@cache
def swept_outbox() -> CosmosSweptOutbox:
    return CosmosSweptOutbox(database(), settings())


@cache
def sweep_marks() -> CosmosMarks:
    return CosmosMarks(database(), CUSTOMERS, DocumentKind.SWEEP.value, DocumentKind.SWEEP, "sweptTo")


@cache
def forget_claims() -> FollowCancellations:
    return _follow_cancellations(CUSTOMERS, "claims", ForgetClaim(CosmosEndedClaims(database()), cancellations()))


@cache
def remove_ended_claims() -> RemoveEndedClaims:
    marks = CosmosMarks(database(), CUSTOMERS, "ended-claims")
    return RemoveEndedClaims(
        CosmosEndedClaims(database()), customers(), registrations(), marks, utc_now, time.monotonic
    )


@cache
def forget_messages() -> FollowCancellations:
    async def forget(cancellation: Cancellation) -> None:
        await kakao_messages().forget(cancellation.customer_id)

    return _follow_cancellations(KAKAOS, "messages", forget)


@cache
def forget_strangers() -> ForgetStrangers:
    marks = CosmosMarks(database(), KAKAOS, "strangers")
    return ForgetStrangers(kakao_messages(), customers(), marks, CosmosClock(database(), KAKAOS), time.monotonic)


@cache
def forget_views() -> FollowCancellations:
    async def forget(cancellation: Cancellation) -> None:
        await move_view()(CustomerView.canceled(cancellation))

    return _follow_cancellations(CUSTOMER_VIEWS, "views", forget)


def _follow_cancellations(
    container: str, what: str, forget: Callable[[Cancellation], Awaitable[None]]
) -> FollowCancellations:
    """`container`: of the app, where its mark is. `what`: is forgotten, a word for metrics."""
    return FollowCancellations(
        cancellations(),
        CosmosMarks(database(), container, FORGETTING),
        CosmosClock(database(), container),
        forget,
        partial(metrics.record_forget_age, what),
        time.monotonic,
    )


@cache
def remove_expired_alerts() -> RemoveExpired:
    return _remove_expired(KAKAOS, nothing_left, dead_letters_of(KAKAO_ALERT))


@cache
def remove_expired_events() -> RemoveExpired:
    rebuild = RebuildView(customers(), move_view())
    return _remove_expired(CUSTOMER_VIEWS, rebuild, dead_letters_of(VIEW_UPDATER), SET_ASIDE, SET_ASIDE_DEAD_LETTERS)


def _remove_expired(container: str, settle: Removal, *places: Place) -> RemoveExpired:
    kept = [ServiceBusKeptMessages(settings(), place) for place in places]
    return RemoveExpired(kept, CosmosClock(database(), container), settle, metrics.count_expired)


def kakao_deadline(time_left: float | None) -> Deadline:
    """Until when the caller of kakao waits: it says so, or it is taken to wait as long as a registration does."""
    return Deadline.after(settings().kakao_timeout_seconds if time_left is None else time_left)


@cache
def send_kakao() -> SendKakao:
    reservations = CosmosReservations(database(), KAKAOS, settings())
    retries = RetryShare(time.monotonic)
    return SendKakao(kakao_provider(), retries, kakao_messages(), cancellations(), reservations, utc_now, new_uuid7)


@cache
def was_sent() -> WasSent:
    return WasSent(kakao_provider(), kakao_messages())


@cache
def alert_cancellation() -> RetryWhileUnavailable[CustomerEvent]:
    alert = AlertCancellation(kakao_provider(), kakao_messages(), utc_now, metrics.record_alert_age)
    return RetryWhileUnavailable(alert, settings().delivery_retry_seconds)


@cache
def move_view() -> MoveView:
    return MoveView(customer_views())


@cache
def update_views() -> BatchHandler:
    update = UpdateView(move_view(), metrics.record_view_age)
    messages_set_aside = ServiceBusMessagesSetAside(settings())
    return BatchHandler(VIEW_UPDATER, update, messages_set_aside, settings().batch_retry_seconds)


@cache
def search_customers() -> SearchCustomers:
    return SearchCustomers(customers())


@cache
def look_up_customers() -> LookUp[CustomerId, Customer]:
    return LookUp(customers())


@cache
def look_up_kakao_messages() -> LookUp[MessageId, KakaoMessage]:
    return LookUp(kakao_messages())


@cache
def look_up_customer_views() -> LookUp[CustomerId, CustomerView]:
    return LookUp(customer_views())


@cache
def own_documents() -> CosmosOwnDocuments:
    return CosmosOwnDocuments(database(), settings())


@cache
def look_up_own_registration() -> LookUpOwnRegistration:
    return LookUpOwnRegistration(claims(), customer_views(), customers(), registrations(), own_documents())


@cache
def collect_own_documents() -> CollectOwnDocuments:
    return CollectOwnDocuments(claims(), own_documents())
