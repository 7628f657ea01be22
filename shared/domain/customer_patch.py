"""A correction of a customer as a JSON Merge Patch (RFC 7396)."""

from functools import cache
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, create_model
from pydantic.fields import FieldInfo

from shared.domain.customer import CustomerDetails, CustomerInput
from shared.domain.record import Record


class CustomerPatch(Record):
    """What a client may send to change some of the details. It has every field of `CustomerInput`, none required.

    Only what it contains is checked: a stored value that would be refused today does not prevent correcting another.
    """

    def apply_to(self, details: CustomerDetails) -> CustomerDetails:
        """The details with what the patch contains."""
        return details.model_copy(update={name: getattr(self, name) for name in self.model_fields_set})


@cache
def patch_of(model: type[CustomerInput]) -> type[CustomerPatch]:
    """The patch of what `model` describes. null removes a field that the model does not require."""
    fields: dict[str, Any] = {name: (_if_contained(field), None) for name, field in model.model_fields.items()}
    return create_model(CustomerPatch.__name__, __base__=CustomerPatch, __doc__=CustomerPatch.__doc__, **fields)


def _if_contained(field: FieldInfo) -> Any:
    """The type of a field, with its limits, that is checked only if it is contained."""
    parts = field.asdict()
    annotation, limits = parts["annotation"], [*parts["metadata"], Field(**parts["attributes"])]
    if field.is_required():
        limits.append(BeforeValidator(_not_null))
    return Annotated[annotation, *limits]


def _not_null(value: object) -> object:
    if value is None:
        raise ValueError("is required, so it cannot be removed")
    return value
