"""Connection strings of the emulators, as the Azure SDKs read them."""

from collections.abc import Mapping

from local_azure.configuration import Configuration
from local_azure.listening import HOST

# Documented by Microsoft: every storage emulator has this account.
STORAGE_ACCOUNT = "devstoreaccount1"
STORAGE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


def connection_strings(configuration: Configuration, ports: Mapping[str, int]) -> dict[str, str]:
    """The connection string of each emulator of `configuration`. `ports` by name, as in the placeholders."""
    strings = {}
    if configuration.service_bus is not None:
        strings["service_bus"] = service_bus(ports["service_bus"])
    if configuration.cosmos is not None:
        strings["cosmos"] = cosmos(ports["cosmos"], configuration.cosmos.key)
    if configuration.azurite is not None:
        strings["azurite"] = storage(ports["azurite_blob"], ports["azurite_queue"], ports["azurite_table"])
    return strings


def cosmos(port: int, key: str) -> str:
    return f"AccountEndpoint=http://{HOST}:{port}/;AccountKey={key};"


def service_bus(port: int) -> str:
    """The key may be anything. UseDevelopmentEmulator makes the SDKs connect without TLS."""
    access = "SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=local;UseDevelopmentEmulator=true;"
    return f"Endpoint=sb://{HOST}:{port};{access}"


def storage(blob: int, queue: int, table: int) -> str:
    ports = {"Blob": blob, "Queue": queue, "Table": table}
    endpoints = (f"{kind}Endpoint=http://{HOST}:{port}/{STORAGE_ACCOUNT};" for kind, port in ports.items())
    return f"DefaultEndpointsProtocol=http;AccountName={STORAGE_ACCOUNT};AccountKey={STORAGE_KEY};{''.join(endpoints)}"
