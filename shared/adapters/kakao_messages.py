"""KakaoTalk messages in Cosmos DB, each in its customer's partition."""

from azure.cosmos.exceptions import CosmosResourceExistsError, CosmosResourceNotFoundError

from shared.adapters.cosmos import CosmosDatabase, first_items
from shared.domain.errors import AlreadyExists
from shared.domain.kakao_message import KakaoMessage, is_message_id
from shared.domain.record import rfc3339
from shared.resources import KAKAOS
from shared.settings import Settings
from shared.use_cases.looking_up import Page, Position

# The sort key is the time of sending and the id in one, so that an index of one path serves the list.
NEWEST = "SELECT TOP @size * FROM c WHERE c.type = 'message' ORDER BY c.sortKey DESC"
NEWEST_AFTER = "SELECT TOP @size * FROM c WHERE c.type = 'message' AND c.sortKey < @after ORDER BY c.sortKey DESC"


class CosmosKakaoMessages:
    """What was sent, with the provider's receipt."""

    def __init__(self, database: CosmosDatabase, settings: Settings) -> None:
        self._database = database
        self._settings = settings

    async def add(self, message: KakaoMessage) -> None:
        document = {
            "id": message.message_id,
            "type": "message",
            "sortKey": _sort_key(message),
            "ttl": self._settings.kakao_message_ttl_seconds,
            **message.to_json_object(),
        }
        async with self._database.container(KAKAOS, "create_item") as container:
            try:
                await container.create_item(document, no_response=True)
            except CosmosResourceExistsError:
                raise AlreadyExists("A message of this id exists.") from None

    async def find(self, message_id: str) -> KakaoMessage | None:
        customer_id, _, _ = message_id.partition(".")
        async with self._database.container(KAKAOS, "read_item") as container:
            try:
                document = await container.read_item(message_id, partition_key=customer_id)
            except CosmosResourceNotFoundError:
                return None
        return KakaoMessage.model_validate(document)

    async def get(self, message_id: str) -> KakaoMessage | None:
        return await self.find(message_id) if is_message_id(message_id) else None

    async def page(self, size: int, after: Position | None) -> Page[KakaoMessage]:
        parameters: dict[str, object] = {"@size": size + 1}
        if after:
            parameters["@after"] = after
        async with self._database.container(KAKAOS, "query_items") as container:
            documents = await first_items(container, NEWEST_AFTER if after else NEWEST, parameters, size + 1)
        messages = [KakaoMessage.model_validate(document) for document in documents[:size]]
        return Page(messages, _sort_key(messages[-1]) if len(documents) > size else None)


def _sort_key(message: KakaoMessage) -> str:
    return f"{rfc3339(message.sent_at)}.{message.message_id}"
