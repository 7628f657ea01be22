import unicodedata
from datetime import timedelta

import pytest
from pydantic import ValidationError

from shared.domain.customer import Customer, CustomerDetails, CustomerInput, with_phone_number
from shared.domain.idempotency import fingerprint
from tests.unit.fakes import CUSTOMER_ID, START, WITH_PHONE, YEON

PHONE = "010-2345-6789"


def details(name: object = "yeon", address: object = "incheon", age: object = 20) -> CustomerInput:
    return CustomerInput.model_validate({"customerName": name, "customerAddress": address, "customerAge": age})


@pytest.mark.parametrize(("value", "years"), [(0, 0), (150, 150), ("20", 20), ("007", 7), (20.0, 20), ("+3", 3)])
def test_age_may_be_a_whole_number_or_a_numeric_string(value: object, years: int) -> None:
    assert details(age=value).customer_age == years


@pytest.mark.parametrize(
    "value", [-1, 151, "-1", "151", 20.5, "20.5", "", " 20", "twenty", "1e2", "2_0", "٢٠", True, None, [20], {}]
)
def test_any_other_age_is_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        details(age=value)


@pytest.mark.parametrize(
    "name", ["홍길동", "👩‍👩‍👧", "é", "e\u0301", "x", "n" * 100, "👍" * 100, "O'Brien; DROP TABLE"]
)
def test_names_of_one_to_a_hundred_characters_are_kept_as_they_are(name: str) -> None:
    assert details(name=name).customer_name == unicodedata.normalize("NFC", name)


def test_a_name_is_composed_before_its_length_counts() -> None:
    name = "가각" * 50

    assert len(unicodedata.normalize("NFD", name)) == 250
    assert details(name=unicodedata.normalize("NFD", name)).customer_name == name
    with pytest.raises(ValidationError):
        details(name=unicodedata.normalize("NFD", name + "가"))


@pytest.mark.parametrize(
    "name",
    [
        "\u3164",
        "\u200b",
        "yeon\u202e",
        "",
        "   ",
        "n" * 101,
        "a\nb",
        "a\r\nSet-Cookie: x",
        "\x00",
        "a\x85b",
        5,
        None,
        ["x"],
    ],
)
def test_any_other_name_is_refused(name: object) -> None:
    with pytest.raises(ValidationError):
        details(name=name)


def test_an_address_may_have_two_hundred_characters_and_not_one_more() -> None:
    assert len(details(address="가" * 200).customer_address) == 200
    with pytest.raises(ValidationError):
        details(address="가" * 201)


def test_white_space_around_a_name_is_dropped() -> None:
    assert details(name="  yeon ").customer_name == "yeon"


def test_unknown_fields_are_ignored() -> None:
    document = {"customerName": "yeon", "customerAddress": "incheon", "customerAge": 20, "version": 99}

    assert CustomerInput.model_validate(document) == details()


DOCUMENT = {"customerName": "yeon", "customerAddress": "incheon", "customerAge": 20}


def test_a_phone_number_is_optional_and_absent_stays_absent() -> None:
    for document in (DOCUMENT, {**DOCUMENT, "customerPhone": None}):
        assert CustomerInput.model_validate(document).to_json_object() == DOCUMENT


def test_one_phone_number_written_in_two_ways_is_the_same_request() -> None:
    one, other = (
        CustomerInput.model_validate({**DOCUMENT, "customerPhone": text}) for text in (PHONE, "+821023456789")
    )

    assert one.customer_phone == "01023456789"
    assert fingerprint(one) == fingerprint(other)


@pytest.mark.parametrize("number", ["", "010-2345-678", 1023456789, ["010-2345-6789"], True])
def test_any_other_phone_number_is_refused(number: object) -> None:
    with pytest.raises(ValidationError):
        CustomerInput.model_validate({**DOCUMENT, "customerPhone": number})


def test_a_phone_number_can_be_required() -> None:
    required = with_phone_number(CustomerInput)

    assert required.model_validate({**DOCUMENT, "customerPhone": PHONE}).customer_phone == "01023456789"
    for document in (DOCUMENT, {**DOCUMENT, "customerPhone": None}):
        with pytest.raises(ValidationError, match="customerPhone"):
            required.model_validate(document)


def test_a_correction_is_one_more_version_and_keeps_when_the_customer_registered() -> None:
    later = START + timedelta(minutes=1)
    customer = Customer.register(CUSTOMER_ID, WITH_PHONE, START)

    corrected = customer.corrected(YEON, later)

    assert CustomerDetails.from_record(corrected) == YEON
    assert (corrected.customer_id, corrected.version, corrected.registered_at) == (CUSTOMER_ID, 2, START)
    assert (customer.updated_at, corrected.updated_at) == (None, later)


def test_a_correction_that_changes_nothing_is_none() -> None:
    customer = Customer.register(CUSTOMER_ID, YEON, START)

    assert customer.corrected(YEON, START + timedelta(minutes=1)) is customer
