"""An empty database between tests."""

from azure.cosmos.aio import CosmosClient

from shared.resources import DATABASE


async def delete_all_items(client: CosmosClient) -> None:
    """In every container of the database."""
    database = client.get_database_client(DATABASE)
    async for definition in database.list_containers():
        [path] = definition["partitionKey"]["paths"]
        container = database.get_container_client(definition["id"])
        async for item in container.read_all_items():
            await container.delete_item(item["id"], partition_key=item[path.removeprefix("/")])
