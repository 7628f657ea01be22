"""The exporters of telemetry, from OpenTelemetry's environment variables.

https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from local_azure.configuration import ConfigurationError

# For all signals (`{}` is empty), or for one (`{}` is the signal and an underscore).
ENDPOINT = "OTEL_EXPORTER_OTLP_{}ENDPOINT"
PROTOCOL = "OTEL_EXPORTER_OTLP_{}PROTOCOL"


@dataclass(frozen=True)
class TelemetrySettings:
    """The exporter of each signal: none, console or otlp. Logs are printed in any case."""

    traces: str = "none"
    metrics: str = "none"
    logs: str = "none"

    @classmethod
    def load(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Reads OTEL_*_EXPORTER, by default otlp for signals with an OTLP endpoint.

        Raises ConfigurationError, also for settings that the SDK would ignore silently.
        """
        if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
            return cls()
        settings = cls(
            traces=_exporter("TRACES", ("none", "console", "otlp"), environment),
            metrics=_exporter("METRICS", ("none", "console", "otlp"), environment),
            logs=_exporter("LOGS", ("none", "otlp"), environment),
        )
        for signal, exporter in (("TRACES", settings.traces), ("METRICS", settings.metrics), ("LOGS", settings.logs)):
            if exporter == "otlp":
                _check_otlp(signal, environment)
        return settings

    @property
    def any(self) -> bool:
        """Whether any signal is exported."""
        return {self.traces, self.metrics, self.logs} != {"none"}


def _exporter(signal: str, allowed: tuple[str, ...], environment: Mapping[str, str]) -> str:
    name = f"OTEL_{signal}_EXPORTER"
    default = "otlp" if _chosen(ENDPOINT, signal, environment)[1] else "none"
    exporter = environment.get(name, "").strip().lower() or default
    if exporter not in allowed:
        raise ConfigurationError(f"{name}={exporter}: choose one of {', '.join(allowed)}")
    return exporter


def _check_otlp(signal: str, environment: Mapping[str, str]) -> None:
    name, endpoint = _chosen(ENDPOINT, signal, environment)
    if endpoint and not endpoint.startswith(("http://", "https://")):
        raise ConfigurationError(f"{name}={endpoint}: write it as http://127.0.0.1:4318")
    name, protocol = _chosen(PROTOCOL, signal, environment)
    if protocol not in ("", "http/protobuf"):
        raise ConfigurationError(f"{name}={protocol}: only http/protobuf is supported; leave it out")


def _chosen(variable: str, signal: str, environment: Mapping[str, str]) -> tuple[str, str]:
    """Name and value of the variable for a signal: its own, else the one for all signals."""
    own, common = variable.format(f"{signal}_"), variable.format("")
    return (own, environment[own]) if environment.get(own) else (common, environment.get(common, ""))
