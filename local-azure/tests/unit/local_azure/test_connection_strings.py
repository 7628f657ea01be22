from local_azure.configuration import AzuriteSection, Configuration, CosmosSection
from local_azure.connection_strings import connection_strings, cosmos, service_bus, storage


def test_each_emulator_of_the_settings_file_has_one() -> None:
    configuration = Configuration(cosmos=CosmosSection(key="a2V5"), azurite=AzuriteSection())
    ports = {"cosmos": 1, "azurite_blob": 2, "azurite_queue": 3, "azurite_table": 4}

    assert connection_strings(configuration, ports) == {"cosmos": cosmos(1, "a2V5"), "azurite": storage(2, 3, 4)}


def test_cosmos_db_is_reached_over_plain_http_with_its_key() -> None:
    assert cosmos(1, "a2V5") == "AccountEndpoint=http://127.0.0.1:1/;AccountKey=a2V5;"


def test_the_service_bus_is_reached_without_tls() -> None:
    assert service_bus(2).startswith("Endpoint=sb://127.0.0.1:2;")
    assert "UseDevelopmentEmulator=true" in service_bus(2)


def test_each_kind_of_storage_has_its_endpoint() -> None:
    fields = dict(field.partition("=")[::2] for field in storage(2, 3, 4).split(";"))

    assert fields["BlobEndpoint"] == "http://127.0.0.1:2/devstoreaccount1"
    assert fields["QueueEndpoint"] == "http://127.0.0.1:3/devstoreaccount1"
    assert fields["TableEndpoint"] == "http://127.0.0.1:4/devstoreaccount1"
