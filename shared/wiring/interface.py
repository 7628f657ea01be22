"""What the settings make of the HTTP interface: its address, what a request must contain, and the privacy policy."""

from functools import cache

import azure.functions as func

from shared.adapters.kakao_providers import PROVIDERS
from shared.adapters.privacy_policies import read_policy_texts
from shared.domain.callers import Anybody, CustomerSession, Operator
from shared.domain.customer import CustomerInput, with_consent, with_phone_number
from shared.domain.privacy_policy import AGE_OF_CONSENT, PrivacyPolicy
from shared.http.links import public_base_url
from shared.settings import settings


def base_url(request: func.HttpRequest) -> str:
    """Where the client sees this system."""
    return public_base_url(request, settings().public_base_url)


def is_phone_number_needed() -> bool:
    """Whether a customer must have a phone number. Every app has the same KAKAO_PROVIDER, so all say the same."""
    return PROVIDERS[settings().kakao_provider].needs_phone_number


def request_model[Input: CustomerInput](model: type[Input]) -> type[Input]:
    """The model of a request, in which the phone number is required if the provider needs it."""
    return with_phone_number(model) if is_phone_number_needed() else model


def registration_model(caller: CustomerSession | Anybody) -> type[CustomerInput]:
    """The model of a registration: a customer who has signed in has to say what they consent to."""
    if isinstance(caller, Anybody):
        return request_model(CustomerInput)
    return request_model(with_consent(tuple(privacy_policy().versions)))


def minimum_age(caller: CustomerSession | Operator | Anybody) -> int:
    """The least age in what this caller sends. The privacy policy, to which customers consent, promises it too."""
    chosen = settings().customer_minimum_age
    return chosen if isinstance(caller, Anybody) else max(chosen, AGE_OF_CONSENT)


@cache
def privacy_policy() -> PrivacyPolicy:
    return PrivacyPolicy(read_policy_texts(), settings().privacy_details)
