"""Retry policies and outages."""

import logging
from itertools import islice

import pytest

from local_azure.functions_host.functions import RetryPolicy
from local_azure.functions_host.triggers.outage import Outage, backoff
from local_azure.functions_host.triggers.retry import allows, delay_before


def test_exponential_backoff_doubles_up_to_its_maximum() -> None:
    policy = RetryPolicy(maximum=-1, minimum_delay=1, maximum_delay=10)

    assert [delay_before(policy, retry) for retry in range(1, 7)] == [1, 2, 4, 8, 10, 10]
    assert delay_before(policy, 10_000) == 10


def test_a_fixed_delay_is_constant() -> None:
    policy = RetryPolicy(maximum=3, minimum_delay=5, maximum_delay=5)

    assert {delay_before(policy, retry) for retry in range(1, 9)} == {5}


def test_a_policy_limits_the_retries() -> None:
    unlimited = RetryPolicy(-1, 1, 1)
    twice = RetryPolicy(2, 1, 1)

    assert allows(unlimited, 1_000_000)
    assert [allows(twice, retry) for retry in (1, 2, 3)] == [True, True, False]
    assert not allows(None, 1)


def test_reconnecting_backs_off() -> None:
    assert list(islice(backoff(), 7)) == pytest.approx([0.2, 0.4, 0.8, 1.6, 2, 2, 2])


def test_an_outage_is_logged_at_its_start_and_end_only(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    now = 100.0
    outage = Outage("Service Bus x", clock=lambda: now)

    for _ in range(5):
        outage.failed(OSError("refused"))
    now = 107.0
    outage.over()
    outage.over()

    assert [record.getMessage() for record in caplog.records] == [
        "Service Bus x: lost: OSError: refused; retrying until it is back",
        "Service Bus x: back after 7.0 s",
    ]
