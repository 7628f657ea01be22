"""The exporters that OTEL_* variables choose."""

import pytest

from local_azure.configuration import ConfigurationError
from local_azure.telemetry.settings import TelemetrySettings

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}


def test_by_default_nothing_is_exported() -> None:
    assert not TelemetrySettings.load({}).any


def test_an_endpoint_gets_all_signals() -> None:
    assert TelemetrySettings.load(ENDPOINT) == TelemetrySettings("otlp", "otlp", "otlp")


@pytest.mark.parametrize("signal", ["traces", "metrics", "logs"])
def test_an_endpoint_of_one_signal_gets_only_that(signal: str) -> None:
    settings = TelemetrySettings.load({f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT": "http://127.0.0.1:4318/x"})

    assert vars(settings) == {"traces": "none", "metrics": "none", "logs": "none", signal: "otlp"}


def test_an_exporter_setting_overrides_the_endpoint() -> None:
    settings = TelemetrySettings.load({**ENDPOINT, "OTEL_TRACES_EXPORTER": "Console", "OTEL_LOGS_EXPORTER": "none"})

    assert settings == TelemetrySettings("console", "otlp", "none")


def test_the_sdk_can_be_disabled() -> None:
    assert not TelemetrySettings.load({**ENDPOINT, "OTEL_SDK_DISABLED": "true"}).any


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "OTEL_TRACES_EXPORTER=zipkin: choose one of none, console, otlp"),
        ({"OTEL_LOGS_EXPORTER": "console"}, "OTEL_LOGS_EXPORTER=console: choose one of none, otlp"),
        ({**ENDPOINT, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "OTLP_PROTOCOL=grpc: only http/protobuf is supported"),
        ({**ENDPOINT, "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL": "grpc"}, "OTLP_LOGS_PROTOCOL=grpc: only http/protobuf"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "127.0.0.1:4318"}, "OTLP_ENDPOINT=127.0.0.1:4318: write it as http://"),
        ({**ENDPOINT, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "x"}, "OTLP_TRACES_ENDPOINT=x: write it as http://"),
    ],
)
def test_an_unsupported_setting_is_refused_and_named(environment: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        TelemetrySettings.load(environment)
