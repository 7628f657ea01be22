"""Retry policies of functions (`@app.retry`): fixed delay and exponential backoff."""

from collections.abc import Callable
from dataclasses import replace

from local_azure.functions_host.functions import Function, RetryPolicy
from local_azure.functions_host.triggers.outage import StopSignal
from local_azure.functions_host.worker import Call, Result, Retry, Worker

UNLIMITED = -1
MAX_DOUBLINGS = 60  # enough for every maximum delay, and no overflow


def delay_before(policy: RetryPolicy, retry: int) -> float:
    """Seconds before retry number `retry` (from 1): doubling from the minimum up to the maximum."""
    doublings = min(retry - 1, MAX_DOUBLINGS)
    return float(min(policy.minimum_delay * 2**doublings, policy.maximum_delay))


def allows(policy: RetryPolicy | None, retry: int) -> bool:
    """Whether retry number `retry` (from 1) is allowed."""
    return policy is not None and (policy.maximum == UNLIMITED or retry <= policy.maximum)


async def invoke_with_retries(
    worker: Worker, function: Function, call: Call, stopping: StopSignal, proceed: Callable[[], bool] = lambda: True
) -> Result | None:
    """Invokes the function until it succeeds or its retry policy is exhausted.

    Returns the last result; None if it was stopped, or `proceed` returned False, before a retry.
    """
    policy = function.retry
    maximum = policy.maximum if policy else 0
    retry = 0
    while True:
        result = await worker.invoke(function, replace(call, retry=Retry(retry, maximum)))
        retry += 1
        if result.succeeded or policy is None or not allows(policy, retry):
            return result
        await stopping.wait(delay_before(policy, retry))
        if stopping or not proceed():
            return None
