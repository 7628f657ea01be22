import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.domain.customer import CustomerDetails, CustomerInput, with_phone_number
from shared.domain.customer_patch import CustomerPatch, patch_of
from tests.unit.fakes import WITH_PHONE, YEON


def read(patch: Any, model: type[CustomerInput] = CustomerInput) -> CustomerPatch:
    return patch_of(model).model_validate_json(json.dumps(patch), by_alias=True, by_name=False)


def refused(patch: Any, model: type[CustomerInput] = CustomerInput) -> list[tuple[Any, ...]]:
    with pytest.raises(ValidationError) as error:
        read(patch, model)
    return [detail["loc"] for detail in error.value.errors()]


def test_only_what_it_contains_is_changed() -> None:
    assert read({"customerAge": 21}).apply_to(WITH_PHONE) == WITH_PHONE.model_copy(update={"customer_age": 21})
    assert read({}).apply_to(WITH_PHONE) == WITH_PHONE


def test_null_removes_what_is_optional() -> None:
    assert read({"customerPhone": None}).apply_to(WITH_PHONE) == YEON
    assert read({"customerPhone": None}).apply_to(YEON) == YEON


def test_nothing_that_is_required_can_be_removed() -> None:
    assert refused({"customerName": None, "customerAddress": None, "customerAge": None}) == [
        ("customerName",),
        ("customerAddress",),
        ("customerAge",),
    ]
    assert refused({"customerPhone": None}, with_phone_number(CustomerInput)) == [("customerPhone",)]


def test_values_are_checked_and_normalised_as_in_a_registration() -> None:
    patch = read({"customerName": "  yeon   kim ", "customerAge": "21", "customerPhone": "+82 10 1234 5678"})

    details = patch.apply_to(YEON)
    assert (details.customer_name, details.customer_age, details.customer_phone) == ("yeon kim", 21, "01012345678")
    assert refused({"customerName": "", "customerAge": 151, "customerPhone": "032-345-6789"}) == [
        ("customerName",),
        ("customerAge",),
        ("customerPhone",),
    ]


def test_unknown_members_change_nothing() -> None:
    assert read({"version": 7, "id": "x", "customer_age": 1, "nonsense": None}).apply_to(YEON) == YEON


def test_a_stored_value_that_would_be_refused_today_does_not_prevent_another_correction() -> None:
    old = CustomerDetails(customer_name="x" * 1000, customer_address="incheon", customer_age=20)

    patch = read({"customerAge": 21}, with_phone_number(CustomerInput))

    assert patch.apply_to(old).customer_age == 21


@pytest.mark.parametrize("patch", [[], [{"customerAge": 1}], None, "customerAge", 1, True])
def test_what_is_no_object_is_refused(patch: Any) -> None:
    # By RFC 7396 it would take the place of the whole customer.
    assert refused(patch) == [()]


def merged(target: Any, patch: Any) -> Any:
    """MergePatch of RFC 7396 §2."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


VALUES = {
    "customerName": st.sampled_from(["yeon", "kim", "", None, 5]),
    "customerAddress": st.sampled_from(["incheon", "seoul", None]),
    "customerAge": st.sampled_from([20, "21", 151, None, {"a": None}]),
    "customerPhone": st.sampled_from(["01023456789", "010-9999-0000", "1", None]),
    "other": st.sampled_from([None, 1]),
}


@given(st.fixed_dictionaries({}, optional=VALUES), st.sampled_from([YEON, WITH_PHONE]))
def test_it_is_accepted_and_does_as_the_specification_says(patch: dict[str, Any], details: CustomerDetails) -> None:
    try:
        expected = CustomerInput.model_validate(merged(details.to_json_object(), patch))
    except ValidationError:
        assert refused(patch)
        return

    assert read(patch).apply_to(details) == CustomerDetails.from_record(expected)
