"""What a client sends about consent, and what is kept of it."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from shared.domain.consent import Consent, ConsentItem
from shared.domain.customer import CustomerInput, details_and_consent, with_consent, with_phone_number
from shared.domain.idempotency import fingerprint

NOW = datetime(2026, 12, 3, tzinfo=UTC)
VERSIONS = ("2026-12-01", "2027-03-01")
DETAILS = {"customerName": "yeon", "customerAddress": "incheon", "customerAge": 20}
GIVEN = {"policyVersion": "2026-12-01", "items": ["collection"]}


def read(consent: object) -> CustomerInput:
    body = DETAILS if consent is None else {**DETAILS, "consent": consent}
    return with_consent(VERSIONS).model_validate(body, by_alias=True, by_name=False)


def test_version_and_items_are_kept_with_the_time_of_the_server() -> None:
    _, consent = details_and_consent(read({**GIVEN, "at": "1999-01-01T00:00:00Z"}), NOW)

    assert consent == Consent(policy_version="2026-12-01", items=(ConsentItem.COLLECTION,), at=NOW)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_can_be_consented_to(version: str) -> None:
    _, consent = details_and_consent(read({**GIVEN, "policyVersion": version}), NOW)

    assert consent
    assert consent.policy_version == version


@pytest.mark.parametrize(
    ("consent", "field", "reason"),
    [
        (None, ["consent"], "Field required"),
        ({}, ["consent", "policyVersion"], "Field required"),
        ({"policyVersion": "2026-12-01"}, ["consent", "items"], "Field required"),
        ({**GIVEN, "policyVersion": "2026-12-02"}, ["consent", "policyVersion"], "2026-12-01, 2027-03-01.: see /priv"),
        ({**GIVEN, "policyVersion": 20261201}, ["consent", "policyVersion"], "string"),
        ({**GIVEN, "items": []}, ["consent", "items"], "must contain collection"),
        ({**GIVEN, "items": ["collection", "collection"]}, ["consent", "items"], "each item once"),
        ({**GIVEN, "items": ["collection", "advertising"]}, ["consent", "items", 1], "'collection'"),
        ({**GIVEN, "items": "collection"}, ["consent", "items"], "tuple"),
        ({"policy_version": "2026-12-01", "items": ["collection"]}, ["consent", "policyVersion"], "Field required"),
        ("yes", ["consent"], "object|dict"),
        (True, ["consent"], "object|dict"),
    ],
)
def test_what_is_missing_or_unknown_is_named(consent: object, field: list[str], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason) as error:
        read(consent)

    assert [list(each["loc"]) for each in error.value.errors()][:1] == [field]


def test_consent_is_no_part_of_what_an_idempotency_key_is_compared_by() -> None:
    details, _ = details_and_consent(read(GIVEN), NOW)

    assert fingerprint(details) == fingerprint(CustomerInput.model_validate(DETAILS))


def test_without_signing_in_consent_is_not_looked_at() -> None:
    sent: Any = CustomerInput.model_validate({**DETAILS, "consent": 7})

    assert details_and_consent(sent, NOW) == (sent, None)


def test_a_provider_that_needs_a_phone_number_makes_it_required_here_too() -> None:
    model = with_phone_number(with_consent(VERSIONS))

    with pytest.raises(ValidationError, match="customerPhone"):
        model.model_validate({**DETAILS, "consent": GIVEN})

    sent = model.model_validate({**DETAILS, "consent": GIVEN, "customerPhone": "010-2345-6789"})
    details, consent = details_and_consent(sent, NOW)
    assert details.customer_phone == "01023456789"
    assert consent
