"""Access records in Cosmos DB, each in the partition of its operator. The app may create them, and do nothing else."""

from azure.cosmos.exceptions import CosmosResourceExistsError

from shared.adapters.cosmos import CosmosDatabase
from shared.domain.access_record import AccessRecord
from shared.resources import ACCESS_RECORDS
from shared.settings import Settings


class CosmosAccessRecords:
    """What operators have seen and changed. Nothing here reads: operators go through the records as themselves."""

    def __init__(self, database: CosmosDatabase, settings: Settings) -> None:
        self._database = database
        self._settings = settings

    async def add(self, record: AccessRecord) -> None:
        document = {**record.to_json_object(), "ttl": self._settings.access_record_ttl_seconds}
        async with self._database.container(ACCESS_RECORDS, "create_item") as container:
            try:
                await container.create_item(document, no_response=True)
            except CosmosResourceExistsError:
                return  # the SDK has retried what had already succeeded: no other record has this id
