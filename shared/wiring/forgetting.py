"""What the timers that forget have in common."""

import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from shared import metrics
from shared.adapters.database_clock import CosmosClock
from shared.adapters.kept_messages import Place, ServiceBusKeptMessages
from shared.adapters.marks import CosmosMarks
from shared.domain.cancellation import Cancellation
from shared.settings import settings
from shared.use_cases.forgetting import FollowCancellations
from shared.use_cases.removing_expired import Removal, RemoveExpired
from shared.wiring import stores

FORGETTING: Final = "mark-of-forgetting"
"""The id of the mark, in the container of each app, of how far it has looked through the cancellations."""


def follow_cancellations(
    container: str, what: str, forget: Callable[[Cancellation], Awaitable[None]]
) -> FollowCancellations:
    """`container`: of the app, where its mark is. `what`: is forgotten, a word for metrics."""
    return FollowCancellations(
        stores.cancellations(),
        CosmosMarks(stores.database(), container, FORGETTING),
        CosmosClock(stores.database(), container),
        forget,
        partial(metrics.record_forget_age, what),
        time.monotonic,
    )


def remove_expired(container: str, settle: Removal, *places: Place) -> RemoveExpired:
    kept = [ServiceBusKeptMessages(settings(), place) for place in places]
    return RemoveExpired(kept, CosmosClock(stores.database(), container), settle, metrics.count_expired)
