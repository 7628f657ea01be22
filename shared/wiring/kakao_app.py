"""What the kakao app consists of: sending, looking up, and forgetting what was sent."""

import time
from functools import cache

from shared import metrics
from shared.adapters.database_clock import CosmosClock
from shared.adapters.kakao_providers import PROVIDERS
from shared.adapters.kakao_providers.sandbox import SandboxProvider
from shared.adapters.kept_messages import dead_letters_of
from shared.adapters.marks import CosmosMarks
from shared.adapters.reservations import CosmosReservations
from shared.domain.cancellation import Cancellation
from shared.domain.events import CustomerEvent
from shared.domain.identifiers import new_uuid7, utc_now
from shared.domain.kakao_message import KakaoMessage, MessageId
from shared.events.retrying import RetryWhileUnavailable
from shared.resources import KAKAO_ALERT, KAKAOS
from shared.settings import settings
from shared.use_cases.alerting import AlertCancellation
from shared.use_cases.deadline import Deadline
from shared.use_cases.forgetting import FollowCancellations
from shared.use_cases.forgetting_strangers import ForgetStrangers
from shared.use_cases.looking_up import LookUp
from shared.use_cases.removing_expired import RemoveExpired, nothing_left
from shared.use_cases.retry_share import RetryShare
from shared.use_cases.sending import KakaoProvider, SendKakao, WasSent
from shared.wiring import forgetting, stores


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


def kakao_deadline(time_left: float | None) -> Deadline:
    """Until when the caller of kakao waits: it says so, or it is taken to wait as long as a registration does."""
    return Deadline.after(settings().kakao_timeout_seconds if time_left is None else time_left)


@cache
def send_kakao() -> SendKakao:
    reservations = CosmosReservations(stores.database(), KAKAOS, settings())
    retries = RetryShare(time.monotonic)
    return SendKakao(
        kakao_provider(), retries, stores.kakao_messages(), stores.cancellations(), reservations, utc_now, new_uuid7
    )


@cache
def was_sent() -> WasSent:
    return WasSent(kakao_provider(), stores.kakao_messages())


@cache
def look_up_kakao_messages() -> LookUp[MessageId, KakaoMessage]:
    return LookUp(stores.kakao_messages())


@cache
def alert_cancellation() -> RetryWhileUnavailable[CustomerEvent]:
    alert = AlertCancellation(kakao_provider(), stores.kakao_messages(), utc_now, metrics.record_alert_age)
    return RetryWhileUnavailable(alert, settings().delivery_retry_seconds)


@cache
def forget_messages() -> FollowCancellations:
    async def forget(cancellation: Cancellation) -> None:
        await stores.kakao_messages().forget(cancellation.customer_id)

    return forgetting.follow_cancellations(KAKAOS, "messages", forget)


@cache
def forget_strangers() -> ForgetStrangers:
    marks = CosmosMarks(stores.database(), KAKAOS, "strangers")
    return ForgetStrangers(
        stores.kakao_messages(), stores.customers(), marks, CosmosClock(stores.database(), KAKAOS), time.monotonic
    )


@cache
def remove_expired_alerts() -> RemoveExpired:
    return forgetting.remove_expired(KAKAOS, nothing_left, dead_letters_of(KAKAO_ALERT))
