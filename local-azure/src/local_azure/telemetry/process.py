"""Telemetry of one process, from its start to its end."""

import logging
from collections.abc import Callable

from local_azure.telemetry.settings import TelemetrySettings

logger = logging.getLogger(__name__)

type EndTelemetry = Callable[[], None]


def start_telemetry(service: str, settings: TelemetrySettings) -> EndTelemetry:
    """Sends telemetry under the name `service` from now on. Returns what sends the rest."""
    if not settings.any:
        return lambda: None
    # A warning for each attempt; what is given up is an error.
    logging.getLogger("opentelemetry.exporter").setLevel(logging.ERROR)
    told = ", ".join(f"{signal}: {exporter}" for signal, exporter in vars(settings).items())
    logger.info("telemetry goes where OTEL_* says: %s", told)
    from local_azure.telemetry.export import export  # noqa: PLC0415 - costs 0.1 s of the start

    return export(service, settings)
