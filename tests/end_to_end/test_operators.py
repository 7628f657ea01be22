"""An operator at work, with ACCESS=customers: what is shown, what is recorded, and what leaves the system about it."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from local_azure.stack import Stack
from shared.resources import ACCESS_RECORDS, CUSTOMERS
from tests.documented import sql_of
from tests.end_to_end.telemetry_receiver import Receiver, receiving
from tools.access.session_keys import SessionKeys
from tools.paths import LOCAL_AZURE_SETTINGS, ROOT
from tools.play.apps import APPS
from tools.play.people import CONSENTING, CustomersSystem
from tools.play.system import Response
from tools.play.waiting import wait_until

# Occurs nowhere else, and is searched for in every byte that leaves the system.
HONG = {
    "customerName": "도깨비-홍길동",
    "customerAddress": "인천광역시 남동구 안개로 77",
    "customerAge": 83,
    "customerPhone": "+82 10-8374-6592",
}
KIM = {"customerName": "도깨비-김연아", "customerAddress": "무진시 안개로 78", "customerAge": 35}
SUBJECTS = ("7364519201", "7364519202")
PERSONAL = ("도깨비", "안개로", "10-8374-6592", "1083746592", *SUBJECTS)
MASKED = {
    "customerName": "도*****동",
    "customerAddress": "인천광역시 남동구 ***",
    "customerAge": "80대",
    "customerPhone": "010-****-6592",
}
FAST_EXPORTS = {
    "OTEL_BSP_SCHEDULE_DELAY": "200",
    "OTEL_BLRP_SCHEDULE_DELAY": "200",
    "OTEL_METRIC_EXPORT_INTERVAL": "500",
}
RUNBOOK = ROOT / "docs/personal-data.md"

# In one worker: all of them share a stack.
pytestmark = pytest.mark.xdist_group("operators")


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def stack(receiver: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Sends everything to an OTLP endpoint."""
    folder = tmp_path_factory.mktemp("operators")
    keys = SessionKeys.made_in(folder / "access")
    with pytest.MonkeyPatch.context() as environment:
        for name, value in {**FAST_EXPORTS, "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url}.items():
            environment.setenv(name, value)
        with Stack.start(LOCAL_AZURE_SETTINGS, folder / "stack", settings=keys.settings) as stack:
            yield stack


@pytest.fixture
async def system(stack: Stack) -> AsyncIterator[CustomersSystem]:
    async with CustomersSystem.of(stack) as system:
        yield system


async def records(system: CustomersSystem) -> list[dict[str, Any]]:
    return await system.query(ACCESS_RECORDS, "SELECT * FROM c ORDER BY c.at")


async def view_arrived(operator: CustomersSystem, customer_id: str) -> None:
    async def is_there() -> bool:
        return (await operator.call("GET", f"/customerViews/{customer_id}")).status == 200

    await wait_until(is_there, "the view is there")


def masked(response: Response) -> bool:
    return response.body["masked"] is True and MASKED.items() <= response.body.items()


async def test_an_operator_finds_reveals_corrects_and_cancels_and_each_leaves_a_record(
    system: CustomersSystem, receiver: Receiver
) -> None:
    hong = await system.customer(SUBJECTS[0]).register({**CONSENTING, **HONG})
    kim = await system.customer(SUBJECTS[1]).register({**CONSENTING, **KIM})
    operator = await system.operator("hana")
    reveal = "?reveal=true&reason=customer-request"
    await view_arrived(operator, hong)
    before = len(await records(system))

    listed = await operator.call("GET", "/customers")
    found = await operator.call("POST", "/customers/search", json={"customerPhone": HONG["customerPhone"]})
    assert [each["id"] for each in listed.body["_embedded"]["customers"]] == [kim, hong]
    [result] = found.body["_embedded"]["customers"]
    assert (result["id"], MASKED.items() <= result.items()) == (hong, True)
    assert masked(await operator.call("GET", f"/customers/{hong}"))
    assert masked(await operator.call("GET", f"/customerViews/{hong}"))
    message = await operator.call("GET", f"/kakaos/{hong}.registered")
    assert masked(message)
    assert "text" not in message.body
    assert (await operator.call("GET", f"/customers/{hong}{reveal}")).body["customerName"] == HONG["customerName"]
    assert "도깨비" in (await operator.call("GET", f"/kakaos/{hong}.registered{reveal}")).text
    assert (await operator.call("GET", f"/customers{reveal}")).status == 400
    assert (await operator.call("GET", f"/customers/{hong}?reveal=true")).status == 400
    patched = await operator.call("PATCH", f"/customers/{hong}", json={"customerAge": 84})
    assert (patched.status, masked(patched), patched.headers["ETag"]) == (200, True, '"2"')
    assert (await operator.call("PUT", f"/customers/{hong}", json=HONG)).status == 403
    assert (await operator.call("DELETE", f"/customers/{hong}")).status == 204

    left = (await records(system))[before:]
    [operator_id] = {record["operatorId"] for record in left}
    assert [(record["action"], record["target"], record["customerIds"]) for record in left] == [
        ("list", "customer", [kim, hong]),
        ("search", "customer", [hong]),
        ("read", "customer", [hong]),
        ("read", "customerView", [hong]),
        ("read", "kakao", [hong]),
        ("reveal", "customer", [hong]),
        ("reveal", "kakao", [hong]),
        ("correct", "customer", [hong]),
        ("cancel", "customer", [hong]),
    ]
    assert {record["address"] for record in left} == {"127.0.0.1"}
    assert [record.get("reason") for record in left if record["action"] == "reveal"] == ["customer-request"] * 2
    for customer, expected in ((hong, len(left)), (kim, 1)):
        saw = await system.query(ACCESS_RECORDS, sql_of(RUNBOOK, "who saw"), customer=customer, since="2026", until="3")
        assert len([each for each in saw if each["id"] in {record["id"] for record in left}]) == expected
    parameters = {"operator": operator_id, "since": "2026", "until": "3"}
    seen = await system.query(ACCESS_RECORDS, sql_of(RUNBOOK, "whose data"), **parameters)
    assert set(seen) == {hong, kim}
    done = await system.query(ACCESS_RECORDS, sql_of(RUNBOOK, "what was done"), since="2026", until="3")
    assert [each["customers"] for each in done][before:] == [len(record["customerIds"]) for record in left]
    [reached] = await system.query(CUSTOMERS, sql_of(RUNBOOK, "how are these"), ids=[hong, kim])
    assert (reached["customerId"], "customerPhone" in reached) == (kim, False)

    async def told() -> bool:
        logged = sum(system.stack.log(app).count("access record ") for app in APPS)
        return "ssak8.accesses" in receiver.metrics() and logged >= len(left)

    await wait_until(told, "the accesses were counted and logged")


async def test_nothing_personal_leaves_the_system_with_the_calls_of_operators(
    system: CustomersSystem, receiver: Receiver
) -> None:
    operator = await system.operator("hana")

    await operator.call("POST", "/customers/search", json={"customerPhone": f"{HONG['customerPhone']}1"})
    await operator.call("POST", "/customers/search", data='{"customerPhone": "010-8374-6592", ')
    await operator.call("POST", "/customers/search", data="x", headers={"X-Forwarded-For": PERSONAL[0].encode().hex()})
    await operator.call("GET", "/customers?reveal=도깨비&reason=안개로")
    await operator.call("PATCH", "/customers/1", json={**HONG, "customerName": "도깨비*"})
    assert (await operator.call("GET", "/customers")).status == 200

    async def reported() -> bool:
        names = [span.name for span in receiver.spans()]
        return names.count("search-customers") >= 3 and {"patch-customer", "create_item accessRecords"} <= set(names)

    await wait_until(reported, "the calls were reported")
    for personal in PERSONAL:
        assert not receiver.holds(personal, "/v1/logs")
        assert not any(personal in system.stack.log(app) for app in (*APPS, "gateway"))
    traces = [body for path, body in receiver.bodies if path == "/v1/traces"]
    assert not any(b"8374" in body or SUBJECTS[0].encode() in body for body in traces)


async def test_an_address_that_a_client_claims_is_not_recorded(system: CustomersSystem) -> None:
    operator = await system.operator("claims-to-be-elsewhere")

    await operator.call("GET", "/customers", headers={"X-Forwarded-For": "198.51.100.9"})

    assert "198.51.100.9" not in {record["address"] for record in await records(system)}
