"""Where telemetry goes, in OpenTelemetry's own environment variables.

https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from local_azure.configuration import ConfigurationError

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
PROTOCOL = "OTEL_EXPORTER_OTLP_PROTOCOL"


@dataclass(frozen=True)
class TelemetrySettings:
    """An exporter for each signal: none, console or otlp. Logs are printed in any case."""

    traces: str = "none"
    metrics: str = "none"
    logs: str = "none"

    @classmethod
    def load(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Reads OTEL_*_EXPORTER; with OTEL_EXPORTER_OTLP_ENDPOINT alone, everything goes there.

        Raises ConfigurationError, also for what a process would otherwise pass over in silence.
        """
        if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
            return cls()
        settings = cls(
            traces=_exporter("TRACES", ("none", "console", "otlp"), environment),
            metrics=_exporter("METRICS", ("none", "console", "otlp"), environment),
            logs=_exporter("LOGS", ("none", "otlp"), environment),
        )
        protocol = environment.get(PROTOCOL, "")
        if "otlp" in (settings.traces, settings.metrics, settings.logs) and protocol not in ("", "http/protobuf"):
            raise ConfigurationError(f"{PROTOCOL}={protocol}: only http/protobuf is spoken here; leave it out")
        return settings

    @property
    def any(self) -> bool:
        """Whether anything goes anywhere."""
        return {self.traces, self.metrics, self.logs} != {"none"}


def _exporter(signal: str, known: tuple[str, ...], environment: Mapping[str, str]) -> str:
    name = f"OTEL_{signal}_EXPORTER"
    endpoints = (ENDPOINT, f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")
    default = "otlp" if any(environment.get(endpoint) for endpoint in endpoints) else "none"
    exporter = environment.get(name, "").strip().lower() or default
    if exporter not in known:
        raise ConfigurationError(f"{name}={exporter}: choose one of {', '.join(known)}")
    return exporter
