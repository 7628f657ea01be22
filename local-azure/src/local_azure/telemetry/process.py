"""Starts and ends the telemetry of a process."""

import logging
from collections.abc import Callable

from local_azure.telemetry.settings import TelemetrySettings

logger = logging.getLogger(__name__)

type EndTelemetry = Callable[[], None]


def start_telemetry(service: str, settings: TelemetrySettings) -> EndTelemetry:
    """Starts exporting telemetry under the name `service`. Returns a function that sends the rest and ends it."""
    if not settings.any:
        return lambda: None
    # Exporters log each failed attempt as a warning, and data that they drop as an error.
    logging.getLogger("opentelemetry.exporter").setLevel(logging.ERROR)
    exporters = ", ".join(f"{signal}: {exporter}" for signal, exporter in vars(settings).items())
    logger.info("exporting telemetry as set by OTEL_* variables: %s", exporters)
    from local_azure.telemetry.export import export  # noqa: PLC0415 - takes 0.1 s

    return export(service, settings)
