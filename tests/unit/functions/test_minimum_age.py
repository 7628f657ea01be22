"""Children are refused wherever details are sent: after all else was found valid, before anything happens."""

import copy
import json
import logging
from collections.abc import Callable, Iterator
from typing import Final

import azure.functions as func
import pytest

from shared.domain.customer import CustomerDetails
from shared.http.openapi import document
from tests.unit.adapters.signing import customer_token
from tests.unit.functions.world import (
    CUSTOMER_APP,
    ENVIRONMENT,
    OPEN_BUT_KNOWN,
    OWN_ID,
    WITHOUT_KEYS,
    World,
    bearer,
    forget_settings,
)
from tools.play.people import CONSENT

type Call = tuple[str, int, dict[str, object]]
"""A function, the status of its success, and its body but for the age."""

WHOLE: Final[dict[str, object]] = {"customerName": "yeon", "customerAddress": "incheon", "consent": CONSENT}
CALLS: Final[list[Call]] = [
    ("register-customer", 201, WHOLE),
    ("replace-customer", 200, WHOLE),
    ("patch-customer", 200, {}),
    ("send-kakao", 201, WHOLE),
]
TOO_YOUNG: Final = (422, "urn:ssak8:problem:too-young")
INVALID: Final = (422, "urn:ssak8:problem:invalid-values")

every_call = pytest.mark.parametrize("call", CALLS, ids=[name for name, _, _ in CALLS])
every_access = pytest.mark.parametrize("access", ["open", "customers"])

type MakeWorld = Callable[..., World]


@pytest.fixture
def make_world(monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeWorld]:
    """A world with this ACCESS, and perhaps another CUSTOMER_MINIMUM_AGE. `keys`: with open access too."""

    def make(access: str = "open", minimum_age: str = "14", *, keys: bool = False) -> World:
        environment = ENVIRONMENT if access == "customers" else OPEN_BUT_KNOWN if keys else WITHOUT_KEYS
        return World(monkeypatch, {**environment, "CUSTOMER_MINIMUM_AGE": minimum_age})

    yield make
    monkeypatch.undo()
    forget_settings()


async def send(world: World, call: Call, headers: dict[str, str] | None = None, **age: object) -> func.HttpResponse:
    name, _, body = call
    # Of a customer who may register: the one of the stores has a registration.
    who = bearer(customer_token(sub="7" if name == "register-customer" else "1376016924"))
    caller = {"X-MS-CLIENT-PRINCIPAL-ID": CUSTOMER_APP} if name == "send-kakao" else who
    return await world.call(name, {**caller, **(headers or {})}, {"id": OWN_ID}, {**body, **age})


def refusal(answer: func.HttpResponse) -> tuple[int, str]:
    return answer.status_code, json.loads(answer.get_body())["type"]


@every_call
@every_access
@pytest.mark.parametrize("age", [0, 13, "13"])
async def test_who_is_younger_is_refused_before_anything_happens(
    make_world: MakeWorld, caplog: pytest.LogCaptureFixture, call: Call, access: str, age: object
) -> None:
    caplog.set_level(logging.DEBUG)
    world = make_world(access)
    await world.open_stores()
    before = copy.deepcopy(world.stores)

    # A key would have to be reserved, for which nothing is there.
    for headers in ({}, {"Idempotency-Key": "1"}, {"Prefer": "respond-async"}):
        answer = await send(world, call, headers, customerAge=age)

        assert refusal(answer) == TOO_YOUNG
        assert "yeon" not in answer.get_body().decode()
    assert world.stores.customers.customers == before.customers.customers
    assert world.stores.customers.outbox == before.customers.outbox
    assert world.stores.messages.messages == before.messages.messages
    assert (world.stores.kakao.told, world.stores.provider.sent) == ([], before.provider.sent)
    assert not [record for record in caplog.records if record.name.startswith(("shared", "functions"))]


@every_call
@pytest.mark.parametrize("age", [14, "14", 150])
async def test_who_is_old_enough_is_not(make_world: MakeWorld, call: Call, age: object) -> None:
    world = make_world()
    await world.open_stores()

    assert (await send(world, call, customerAge=age)).status_code == call[1]


@every_call
@pytest.mark.parametrize(
    ("minimum_age", "age", "accepted"),
    [("0", 0, True), ("20", 19, False), ("20", 20, True), ("150", 149, False), ("150", 150, True)],
)
async def test_the_limit_is_a_setting(
    make_world: MakeWorld, call: Call, minimum_age: str, age: int, accepted: bool
) -> None:
    world = make_world(minimum_age=minimum_age)
    await world.open_stores()

    answer = await send(world, call, customerAge=age)

    assert answer.status_code == (call[1] if accepted else 422)
    assert accepted or f"must be {minimum_age} or older" in json.loads(answer.get_body())["detail"]


async def test_who_has_signed_in_is_as_old_as_the_privacy_policy_says(make_world: MakeWorld) -> None:
    world = make_world(minimum_age="0", keys=True)
    await world.open_stores()

    for call in CALLS[:3]:
        assert refusal(await send(world, call, customerAge=13)) == TOO_YOUNG
        anybody = await world.call(call[0], {}, {"id": OWN_ID}, {**call[2], "customerAge": 13})
        assert anybody.status_code == call[1]


@every_call
async def test_other_values_are_complained_about_first(make_world: MakeWorld, call: Call) -> None:
    world = make_world("customers")
    await world.open_stores()

    assert refusal(await send(world, call, customerAge=13, customerName="")) == INVALID
    assert refusal(await send(world, call, customerAge=-1)) == INVALID


async def test_consent_is_complained_about_first(make_world: MakeWorld) -> None:
    world = make_world("customers")
    await world.open_stores()

    assert refusal(await send(world, CALLS[0], customerAge=13, consent=None)) == INVALID


async def test_who_is_stored_and_younger_can_be_read_corrected_and_cancelled(make_world: MakeWorld) -> None:
    world = make_world("customers")
    await world.open_stores()
    child = CustomerDetails(customer_name="yeon", customer_address="incheon", customer_age=9)
    customers = world.stores.customers.customers
    customers[OWN_ID] = customers[OWN_ID].model_copy(update=dict(child))

    read = await send(world, ("get-customer", 200, {}))
    corrected = await send(world, ("patch-customer", 200, {"customerName": "hong"}))
    canceled = await send(world, ("cancel-registration", 204, {}))

    assert (read.status_code, json.loads(read.get_body())["customerAge"]) == (200, 9)
    assert (corrected.status_code, json.loads(corrected.get_body())["customerAge"]) == (200, 9)
    assert canceled.status_code == 204


def test_no_other_call_takes_an_age() -> None:
    schemas = document()["components"]["schemas"]
    with_age = {name for name, each in schemas.items() if "customerAge" in each.get("properties", {})}
    operations = [
        operation
        for path in document()["paths"].values()
        for operation in path.values()
        for content in operation.get("requestBody", {"content": {}})["content"].values()
        if content["schema"]["$ref"].rpartition("/")[2] in with_age
    ]

    assert {operation["operationId"] for operation in operations} == {name for name, _, _ in CALLS}
