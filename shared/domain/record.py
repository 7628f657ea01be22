"""The base of everything that is stored or sent: camelCase outside, snake_case inside, immutable."""

from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, PlainSerializer
from pydantic.alias_generators import to_camel


def rfc3339(moment: datetime) -> str:
    """`moment` in UTC with milliseconds, e.g. 2026-01-02T03:04:05.678Z (RFC 3339)."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Timestamp = Annotated[AwareDatetime, PlainSerializer(rfc3339, return_type=str)]


class Record(BaseModel):
    """A document: read with `model_validate`, written with `to_json_object`. Unknown fields are ignored.

    A validation error never repeats a value, because its text may reach a log.
    """

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore", hide_input_in_errors=True
    )

    @classmethod
    def from_record(cls, other: "Record", **fields: Any) -> Self:
        """Copies every field that both kinds of record have, and adds or overrides `fields`.

        Raises ValidationError if a required field is in neither.
        """
        return cls(**{name: getattr(other, name) for name in _shared_fields(cls, type(other))} | fields)

    def to_json_object(self) -> dict[str, Any]:
        """The record as JSON types, with camelCase names and without the fields that are None."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


@cache
def _shared_fields(one: type[Record], other: type[Record]) -> frozenset[str]:
    return frozenset(one.model_fields.keys() & other.model_fields.keys())
