"""The functions of an indexed app: trigger, bindings and retry policy."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from local_azure.functions_host.errors import StartError


class TriggerSettings(BaseModel):
    """The settings of one kind of trigger, as in its binding. Unlisted ones are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)

    name: str
    type: str
    direction: str
    data_type: str | None = None


Settings = TypeVar("Settings", bound=TriggerSettings)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """`maximum`: retries after the first attempt; -1: unlimited. Delays in seconds; equal: a fixed delay."""

    maximum: int
    minimum_delay: float
    maximum_delay: float

    @classmethod
    def from_options(cls, options: Any) -> "RetryPolicy | None":
        """From the worker's RpcRetryOptions."""
        if options is None:
            return None
        fixed: timedelta | None = getattr(options, "delay_interval", None)
        shortest = fixed if fixed is not None else options.minimum_interval
        longest = fixed if fixed is not None else options.maximum_interval
        return cls(options.max_retry_count, shortest.total_seconds(), longest.total_seconds())


@dataclass(frozen=True, slots=True)
class Function:
    """An indexed function. `bindings` as in the app, with `%NAME%` expanded."""

    name: str
    function_id: str
    bindings: tuple[Mapping[str, Any], ...]
    retry: RetryPolicy | None = None
    disabled: bool = False

    @property
    def trigger(self) -> Mapping[str, Any]:
        return next(binding for binding in self.bindings if str(binding["type"]).endswith("Trigger"))

    @property
    def trigger_type(self) -> str:
        return str(self.trigger["type"])

    def trigger_settings(self, model: type[Settings]) -> Settings:
        """The validated settings of the trigger. Raises StartError, which names the setting."""
        try:
            return model.model_validate({key: value for key, value in self.trigger.items() if value is not None})
        except ValidationError as error:
            first = error.errors()[0]
            setting = ".".join(str(part) for part in first["loc"])
            reason = "is not supported by the local host" if first["type"] == "extra_forbidden" else first["msg"]
            raise StartError(f"function {self.name}: {self.trigger_type} setting {setting}: {reason}") from None
