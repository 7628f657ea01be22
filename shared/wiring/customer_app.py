"""What the customer app consists of: registering, correcting, cancelling, looking up, publishing, and forgetting."""

import time
from datetime import timedelta
from functools import cache

from shared import metrics
from shared.adapters.admission import Admission
from shared.adapters.attempt_queue import ServiceBusAttemptQueue
from shared.adapters.database_clock import CosmosClock
from shared.adapters.ended_claims import CosmosEndedClaims
from shared.adapters.identity import managed_identity
from shared.adapters.kakao_client import KakaoClient
from shared.adapters.marks import CosmosMarks
from shared.adapters.service_bus import ServiceBusEventPublisher
from shared.adapters.swept_outbox import CosmosSweptOutbox
from shared.domain.customer import Customer
from shared.domain.documents import DocumentKind
from shared.domain.identifiers import CustomerId, new_uuid7, utc_now
from shared.resources import CUSTOMERS
from shared.settings import settings
from shared.use_cases.admitting import AdmitRegistration
from shared.use_cases.cancelling import CancelRegistration
from shared.use_cases.claiming import CLOCKS_DIFFER_BY, ClaimRegistration
from shared.use_cases.correcting import CorrectCustomer
from shared.use_cases.deferred_run import RunDeferred
from shared.use_cases.forgetting import FollowCancellations
from shared.use_cases.forgetting_claims import ForgetClaim, RemoveEndedClaims
from shared.use_cases.looking_up import LookUp, LookUpRegistration
from shared.use_cases.postponing import PostponeRegistration
from shared.use_cases.publishing import PublishOutbox
from shared.use_cases.registering import RegisterCustomer
from shared.use_cases.registration_upkeep import RegistrationUpkeep
from shared.use_cases.registrations import GRACE_FOR_STORING, Lifetimes
from shared.use_cases.renewing import RenewOutbox
from shared.use_cases.retry_pace import RetryPace
from shared.use_cases.searching import SearchCustomers
from shared.use_cases.sweeping import SweepOutbox
from shared.use_cases.trying import KeepRegistrations, TryRegistration
from shared.use_cases.withdrawing import KeepKey, WithdrawRegistration
from shared.wiring import forgetting, stores


@cache
def kakao_client() -> KakaoClient:
    credential = managed_identity(settings().azure_client_id) if settings().kakao_api_scope else None
    return KakaoClient(settings(), credential)


@cache
def admit_registration() -> AdmitRegistration:
    async def opened() -> None:
        await kakao_client().opened()
        await stores.database().opened()

    queue = Admission(settings().registrations_at_once, settings().registration_seconds)
    return AdmitRegistration(queue, kakao_client(), opened, metrics.count_refusal)


@cache
def lifetimes() -> Lifetimes:
    return Lifetimes(
        registration=timedelta(seconds=settings().registration_lifetime_seconds),
        key=timedelta(seconds=settings().idempotency_ttl_seconds),
    )


@cache
def register_customer() -> RegisterCustomer:
    return RegisterCustomer(kakao_client(), stores.customers(), postpone_registration(), utc_now, new_uuid7, metrics)


@cache
def postpone_registration() -> PostponeRegistration:
    return PostponeRegistration(
        stores.registrations(), stores.customer_keys(), claim_registration(), lifetimes(), utc_now, new_uuid7, metrics
    )


@cache
def claim_registration() -> ClaimRegistration:
    """Used where customers sign in: nobody else owns a registration."""
    # A write that has begun is given up by then, and whatever its connection still holds is dropped.
    longest = settings().registration_seconds + GRACE_FOR_STORING + settings().cosmos_timeout_seconds
    held_for = timedelta(seconds=longest) + CLOCKS_DIFFER_BY
    return ClaimRegistration(stores.claims(), stores.registrations(), stores.customers(), held_for, utc_now)


@cache
def look_up_registration() -> LookUpRegistration:
    return LookUpRegistration(stores.registrations(), stores.customers())


@cache
def look_up_customers() -> LookUp[CustomerId, Customer]:
    return LookUp(stores.customers())


@cache
def search_customers() -> SearchCustomers:
    return SearchCustomers(stores.customers())


@cache
def keep_key() -> KeepKey:
    return KeepKey(stores.customer_keys(), lifetimes())


@cache
def withdraw_registration() -> WithdrawRegistration:
    return WithdrawRegistration(
        stores.registrations(), look_up_registration(), keep_key(), utc_now, metrics.count_ended
    )


@cache
def try_registration() -> TryRegistration:
    return TryRegistration(
        stores.registrations(),
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
    keeper = KeepRegistrations(stores.registrations(), keep_key(), utc_now, metrics.count_ended)
    upkeep = RegistrationUpkeep(
        stores.registrations(), attempt_queue(), keeper, metrics.set_oldest_pending, utc_now, time.monotonic
    )
    pace = RetryPace(settings().deferred_tries_per_second, settings().registrations_at_once)
    return RunDeferred(attempt_queue(), kakao_client(), try_registration(), upkeep, pace, time.monotonic)


@cache
def cancel_registration() -> CancelRegistration:
    return CancelRegistration(
        stores.customers(), withdraw_registration(), utc_now, new_uuid7, metrics.count_cancellation
    )


@cache
def correct_customer() -> CorrectCustomer:
    return CorrectCustomer(stores.customers(), utc_now, new_uuid7)


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
    return RenewOutbox(
        swept_outbox(), sweep_marks(), CosmosClock(stores.database(), CUSTOMERS), time.monotonic, lifetime
    )


@cache
def swept_outbox() -> CosmosSweptOutbox:
    return CosmosSweptOutbox(stores.database(), settings())


@cache
def sweep_marks() -> CosmosMarks:
    return CosmosMarks(stores.database(), CUSTOMERS, DocumentKind.SWEEP.value, DocumentKind.SWEEP, "sweptTo")


@cache
def forget_claims() -> FollowCancellations:
    return forgetting.follow_cancellations(
        CUSTOMERS, "claims", ForgetClaim(CosmosEndedClaims(stores.database()), stores.cancellations())
    )


@cache
def remove_ended_claims() -> RemoveEndedClaims:
    marks = CosmosMarks(stores.database(), CUSTOMERS, "ended-claims")
    return RemoveEndedClaims(
        CosmosEndedClaims(stores.database()), stores.customers(), stores.registrations(), marks, utc_now, time.monotonic
    )
