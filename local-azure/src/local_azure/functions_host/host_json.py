"""`host.json`, version 2.0: each setting is honoured, or refused with its name.

https://learn.microsoft.com/azure/azure-functions/functions-host-json
As on Azure, app settings such as `AzureFunctionsJobHost__extensions__http__routePrefix` override the file.
"""

import json
import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from local_azure.functions_host.errors import StartError

FILE = "host.json"
OVERRIDE_PREFIX = "AzureFunctionsJobHost__"
DEFAULT_FUNCTION_TIMEOUT = 30 * 60.0
UNBOUNDED = "-1"
CALLS_PER_CORE = 16


def seconds(value: object) -> object:
    """A .NET TimeSpan, `[d.]hh:mm:ss[.fff]`, in seconds; anything else unchanged, for pydantic to validate."""
    if isinstance(value, timedelta):
        return value.total_seconds()
    if not isinstance(value, str) or value == UNBOUNDED:
        return value
    clock, days = value, 0
    if "." in value.partition(":")[0]:
        day_text, _, clock = value.partition(".")
        days = int(day_text)
    hours, minutes, rest = clock.split(":")
    return timedelta(days=days, hours=int(hours), minutes=int(minutes), seconds=float(rest)).total_seconds()


Seconds = Annotated[float, BeforeValidator(seconds)]
Ignored = Annotated[Any, "has an effect on Azure only"]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


class HttpSection(_Section):
    """-1: unbounded."""

    route_prefix: str = "api"
    max_concurrent_requests: int = -1
    max_outstanding_requests: int = -1
    dynamic_throttles_enabled: Literal[False] = False
    custom_headers: dict[str, str] = {}
    hsts: Ignored = None


class ServiceBusSection(_Section):
    prefetch_count: int = Field(default=0, ge=0)
    auto_complete_messages: bool = True
    max_auto_lock_renewal_duration: Seconds = 300.0
    max_concurrent_calls: int = Field(default_factory=lambda: CALLS_PER_CORE * (os.cpu_count() or 1), ge=1)
    max_message_batch_size: int = Field(default=1000, ge=1)
    min_message_batch_size: int = Field(default=1, ge=1)
    max_batch_wait_time: Seconds = 30.0
    transport_type: Literal["amqpTcp"] = "amqpTcp"
    client_retry_options: Ignored = None
    max_concurrent_sessions: Ignored = None
    session_idle_timeout: Ignored = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.min_message_batch_size > self.max_message_batch_size:
            raise ValueError("minMessageBatchSize must be at most maxMessageBatchSize")
        return self


class CosmosDBSection(_Section):
    connection_mode: Ignored = None
    user_agent_suffix: Ignored = None


class ExtensionsSection(_Section):
    http: HttpSection = HttpSection()
    service_bus: ServiceBusSection = Field(default_factory=ServiceBusSection)
    cosmos_db: CosmosDBSection = Field(default=CosmosDBSection(), alias="cosmosDB")


class LoggingSection(_Section):
    """Only the log level `default` has an effect here."""

    file_logging_mode: Ignored = None
    log_level: dict[str, str] = {}
    console: Ignored = None
    application_insights: Ignored = None


class HostJson(_Section):
    """`function_timeout` in seconds; None: unbounded."""

    version: Literal["2.0"]
    function_timeout: Seconds | Literal["-1"] | None = DEFAULT_FUNCTION_TIMEOUT
    functions: list[str] | None = None
    extensions: ExtensionsSection = Field(default_factory=ExtensionsSection)
    logging: LoggingSection = LoggingSection()
    schema_file: str | None = Field(default=None, alias="$schema")
    extension_bundle: Ignored = None
    telemetry_mode: Ignored = None
    health_monitor: Ignored = None
    aggregator: Ignored = None
    concurrency: Ignored = None
    managed_dependency: Ignored = None
    watch_directories: Ignored = None
    watch_files: Ignored = None

    @property
    def timeout(self) -> float | None:
        """The timeout of an invocation in seconds; None: unbounded."""
        return None if self.function_timeout in (None, UNBOUNDED) else float(self.function_timeout)

    @classmethod
    def load(cls, folder: Path, environment: Mapping[str, str] = os.environ) -> "HostJson":
        """Reads the app's file, with the overrides of `environment`. Raises StartError."""
        file = folder / FILE
        try:
            content = json.loads(file.read_text(encoding="utf-8-sig"))
        except FileNotFoundError:
            raise StartError(f'{file}: there is no such file; the minimum is {{"version": "2.0"}}') from None
        except json.JSONDecodeError as error:
            raise StartError(f"{file}: not valid JSON: {error}") from None
        _check_schema(file, content)
        for name, value in environment.items():
            if name.startswith(OVERRIDE_PREFIX):
                _override(content, name.removeprefix(OVERRIDE_PREFIX).split("__"), value)
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            raise StartError(f"{file}: {_explain(error)}") from None
        except ValueError as error:
            raise StartError(f"{file}: {error}") from None


def _explain(error: ValidationError) -> str:
    first = error.errors()[0]
    setting = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"{setting}: is unknown or not supported by the local host; remove it"
    return f"{setting}: {first['msg']}"


def _override(content: dict[str, Any], path: list[str], value: str) -> None:
    """Sets `value` at `path`, whose parts are case-insensitive."""
    key = next((name for name in content if name.lower() == path[0].lower()), path[0])
    if len(path) == 1:
        content[key] = value
        return
    section = content.setdefault(key, {})
    if isinstance(section, dict):
        _override(section, path[1:], value)


def _check_schema(file: Path, content: Any) -> None:
    """Validates against the JSON schema in `$schema` if that is a file; URLs are not fetched."""
    if not isinstance(content, dict) or not isinstance(content.get("$schema"), str):
        return
    schema = file.parent / content["$schema"]
    if "://" in content["$schema"] or not schema.is_file():
        return
    _validate(file, content, json.loads(schema.read_text(encoding="utf-8")))


def _validate(file: Path, content: Any, schema: Mapping[str, Any]) -> None:
    """Raises StartError with the deepest mismatch."""
    import jsonschema  # noqa: PLC0415 - takes 40 ms, and few apps name a schema

    error = jsonschema.exceptions.best_match(jsonschema.validators.validator_for(schema)(schema).iter_errors(content))
    if error is not None:
        setting = ".".join(str(part) for part in error.absolute_path) or "the file"
        raise StartError(f"{file}: {setting}: {error.message}")
