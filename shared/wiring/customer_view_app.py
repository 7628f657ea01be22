"""What the customerview app consists of: updating its views, showing them, and what is a customer's own."""

from functools import cache

from shared import metrics
from shared.adapters.kept_messages import SET_ASIDE, SET_ASIDE_DEAD_LETTERS, dead_letters_of
from shared.adapters.set_aside import ServiceBusMessagesSetAside
from shared.domain.cancellation import Cancellation
from shared.domain.customer_view import CustomerView
from shared.domain.identifiers import CustomerId
from shared.events.batches import BatchHandler
from shared.resources import CUSTOMER_VIEWS, VIEW_UPDATER
from shared.settings import settings
from shared.use_cases.forgetting import FollowCancellations
from shared.use_cases.looking_up import LookUp
from shared.use_cases.own import CollectOwnDocuments, LookUpOwnRegistration
from shared.use_cases.projecting import MoveView, UpdateView
from shared.use_cases.removing_expired import RebuildView, RemoveExpired
from shared.wiring import forgetting, stores


@cache
def move_view() -> MoveView:
    return MoveView(stores.customer_views())


@cache
def update_views() -> BatchHandler:
    update = UpdateView(move_view(), metrics.record_view_age)
    messages_set_aside = ServiceBusMessagesSetAside(settings())
    return BatchHandler(VIEW_UPDATER, update, messages_set_aside, settings().batch_retry_seconds)


@cache
def look_up_customer_views() -> LookUp[CustomerId, CustomerView]:
    return LookUp(stores.customer_views())


@cache
def look_up_own_registration() -> LookUpOwnRegistration:
    return LookUpOwnRegistration(
        stores.claims(), stores.customer_views(), stores.customers(), stores.registrations(), stores.own_documents()
    )


@cache
def collect_own_documents() -> CollectOwnDocuments:
    return CollectOwnDocuments(stores.claims(), stores.own_documents())


@cache
def forget_views() -> FollowCancellations:
    async def forget(cancellation: Cancellation) -> None:
        await move_view()(CustomerView.canceled(cancellation))

    return forgetting.follow_cancellations(CUSTOMER_VIEWS, "views", forget)


@cache
def remove_expired_events() -> RemoveExpired:
    rebuild = RebuildView(stores.customers(), move_view())
    return forgetting.remove_expired(
        CUSTOMER_VIEWS, rebuild, dead_letters_of(VIEW_UPDATER), SET_ASIDE, SET_ASIDE_DEAD_LETTERS
    )
