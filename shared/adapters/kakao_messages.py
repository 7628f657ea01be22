"""KakaoTalk messages in Cosmos DB, each in its customer's partition."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from azure.core import MatchConditions
from azure.cosmos.exceptions import (
    CosmosAccessConditionFailedError,
    CosmosResourceExistsError,
    CosmosResourceNotFoundError,
)

from shared.adapters.cosmos import CosmosDatabase, Document, NewestFirst, first_items
from shared.domain.documents import DocumentKind
from shared.domain.errors import AlreadyExists, StoreUnavailable
from shared.domain.forgetting import seconds_left
from shared.domain.identifiers import CustomerId, utc_now
from shared.domain.kakao_message import KakaoMessage, MessageId, MessageKind, customer_of
from shared.domain.record import rfc3339
from shared.resources import KAKAOS
from shared.settings import Settings
from shared.use_cases.forgetting_strangers import SentMessage
from shared.use_cases.looking_up import Page, Position


def _sort_key(message: KakaoMessage) -> str:
    """The time of sending and the id in one property, so that an index of one path serves the list."""
    return f"{rfc3339(message.sent_at)}.{message.message_id}"


NEWEST_FIRST = NewestFirst(
    container=KAKAOS,
    first_page="SELECT TOP @size * FROM c WHERE c.type = @type ORDER BY c.sortKey DESC",
    next_page="SELECT TOP @size * FROM c WHERE c.type = @type AND c.sortKey < @after ORDER BY c.sortKey DESC",
    parameters={"@type": DocumentKind.MESSAGE.value},
    read=KakaoMessage.model_validate,
    position=_sort_key,
)


# The index of the list, from its other end.
SENT_BETWEEN: Final = (
    "SELECT TOP @size * FROM c WHERE c.type = @type AND c.sortKey > @after AND c.sortKey < @before ORDER BY c.sortKey"
)
MESSAGES_OF_ONE: Final = "SELECT * FROM c WHERE c.type = @type"
# What proves that a message was sent, and what the database adds. Whatever else a version of this code stores goes.
KEPT: Final = frozenset(
    ("id", "type", "sortKey", "ttl", "customerId", "kind", "status", "provider", "receipt", "sentAt")
)
# Only forgetting changes a message, so it may have changed once.
ATTEMPTS: Final = 3
CONTENTION_RETRY_AFTER_SECONDS: Final = 1


class CosmosKakaoMessages:
    """What was sent, with the provider's receipt."""

    def __init__(self, database: CosmosDatabase, settings: Settings) -> None:
        self._database = database
        self._settings = settings

    async def add(self, message: KakaoMessage) -> None:
        document = {
            "id": message.message_id,
            "type": DocumentKind.MESSAGE.value,
            "sortKey": _sort_key(message),
            "ttl": self._settings.kakao_message_ttl_seconds,
            **message.to_json_object(),
        }
        async with self._database.container(KAKAOS, "create_item") as container:
            try:
                await container.create_item(document, no_response=True)
            except CosmosResourceExistsError:
                pass
            else:
                return
        # The SDK may have retried a request that had already succeeded: then this very message is stored.
        if await self.get(message.message_id) != message:
            raise AlreadyExists("A message with this id exists.")

    async def get(self, message_id: MessageId) -> KakaoMessage | None:
        async with self._database.container(KAKAOS, "read_item") as container:
            try:
                document = await container.read_item(message_id, partition_key=customer_of(message_id))
            except CosmosResourceNotFoundError:
                return None
        return KakaoMessage.model_validate(document)

    async def forget(self, customer_id: CustomerId) -> None:
        for _ in range(ATTEMPTS):
            if await self._forget(customer_id):
                return
        raise StoreUnavailable("The messages keep changing.", CONTENTION_RETRY_AFTER_SECONDS)

    async def _forget(self, customer_id: CustomerId) -> bool:
        """False if one has changed or expired meanwhile."""
        async with self._database.container(KAKAOS, "query_items") as container:
            parameters: list[dict[str, object]] = [{"name": "@type", "value": DocumentKind.MESSAGE.value}]
            found = container.query_items(MESSAGES_OF_ONE, parameters=parameters, partition_key=customer_id)
            whole = [document async for document in found if _is_about_the_person(document)]
        for document in whole:
            async with self._database.container(KAKAOS, "replace_item") as container:
                try:
                    await container.replace_item(
                        document["id"],
                        self._forgotten(document),
                        etag=document["_etag"],
                        match_condition=MatchConditions.IfNotModified,
                        no_response=True,
                    )
                except (CosmosAccessConditionFailedError, CosmosResourceNotFoundError):
                    return False
        return True

    def _forgotten(self, document: Document) -> Document:
        """Writing it does not make it live longer."""
        lifetime = timedelta(seconds=self._settings.kakao_message_ttl_seconds)
        ttl = seconds_left(datetime.fromisoformat(document["sentAt"]), lifetime, utc_now())
        return {**{name: document[name] for name in KEPT & document.keys()}, "ttl": ttl}

    async def sent_between(self, after: str, before: str, size: int) -> Sequence[SentMessage]:
        parameters = {"@type": DocumentKind.MESSAGE.value, "@after": after, "@before": before, "@size": size}
        async with self._database.container(KAKAOS, "query_items") as container:
            documents = await first_items(container, SENT_BETWEEN, parameters, size)
        return [_sent(document) for document in documents]

    async def page(self, size: int, after: Position | None) -> Page[KakaoMessage]:
        return await NEWEST_FIRST.page(self._database, size, after)


def _sent(document: Document) -> SentMessage:
    is_of_registration = document.get("kind") == MessageKind.REGISTERED
    is_to_look_for = is_of_registration and _is_about_the_person(document)
    return SentMessage(document["sortKey"], CustomerId(document["customerId"]), is_to_look_for)


def _is_about_the_person(document: Document) -> bool:
    return any(name not in KEPT and not name.startswith("_") for name in document)
