from collections.abc import Callable

import pytest

from shared.domain.callers import (
    App,
    Caller,
    CustomerSession,
    Nobody,
    Operator,
    require_app,
    require_customer,
    require_customer_or_operator,
    require_operator,
)
from shared.domain.errors import Forbidden, Unauthenticated

CUSTOMER = CustomerSession("1376016924")
OPERATOR = Operator("6a5c8d2e-0000-4000-8000-000000000001", frozenset({"Operator"}))
APP = App("6a5c8d2e-0000-4000-8000-000000000002")


def test_what_a_customer_owns_names_kakao_and_the_number() -> None:
    assert CUSTOMER.owner == "kakao:1376016924"


def test_the_number_of_a_customer_is_not_shown_in_a_log() -> None:
    assert "1376016924" not in repr(CUSTOMER)


@pytest.mark.parametrize(
    ("require", "caller"),
    [
        (require_customer, CUSTOMER),
        (require_operator, OPERATOR),
        (require_customer_or_operator, CUSTOMER),
        (require_customer_or_operator, OPERATOR),
        (require_app, APP),
    ],
)
def test_whom_a_call_is_for_is_let_in(require: Callable[[Caller], Caller], caller: Caller) -> None:
    assert require(caller) == caller


@pytest.mark.parametrize(
    ("require", "others"),
    [
        (require_customer, [OPERATOR, APP]),
        (require_operator, [CUSTOMER, APP]),
        (require_customer_or_operator, [APP]),
        (require_app, [CUSTOMER, OPERATOR]),
    ],
)
def test_anybody_else_is_refused(require: Callable[[Caller], Caller], others: list[Caller]) -> None:
    for caller in others:
        with pytest.raises(Forbidden):
            require(caller)


@pytest.mark.parametrize("require", [require_customer, require_operator, require_customer_or_operator, require_app])
def test_nobody_is_asked_who_they_are(require: Callable[[Caller], Caller]) -> None:
    with pytest.raises(Unauthenticated) as refused:
        require(Nobody())

    assert not refused.value.token_sent
