"""KakaoTalk messages in Cosmos DB, each in its customer's partition."""

from azure.cosmos.exceptions import CosmosResourceExistsError, CosmosResourceNotFoundError

from shared.adapters.cosmos import CosmosDatabase, NewestFirst
from shared.domain.documents import DocumentKind
from shared.domain.errors import AlreadyExists
from shared.domain.kakao_message import KakaoMessage, MessageId, customer_of
from shared.domain.record import rfc3339
from shared.resources import KAKAOS
from shared.settings import Settings
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

    async def page(self, size: int, after: Position | None) -> Page[KakaoMessage]:
        return await NEWEST_FIRST.page(self._database, size, after)
