"""The scenario with ACCESS=customers: two customers and an operator, each of whom tries everything."""

from collections.abc import Mapping

from shared.resources import ACCESS_RECORDS
from tools.play.access_table import CALLERS, CALLS, Call
from tools.play.narrator import Narrator
from tools.play.people import CONSENTING, CustomersSystem
from tools.play.system import YEON, System

PHONE = "010-1234-5678"
HONG: Mapping[str, object] = {
    **CONSENTING,
    "customerName": "홍길동",
    "customerAddress": "인천광역시 연수구 송도대로 1",
    "customerPhone": PHONE,
}
CHILD: Mapping[str, object] = {**CONSENTING, "customerAge": 13}
FORGED = "Ssak8-Authorization"


async def play(narrator: Narrator[CustomersSystem]) -> None:
    """Plays every step. Raises StepFailed at the first that fails."""
    system = narrator.system
    yeon, hong = (narrator.of(name, system.keys.token(name)) for name in ("yeon", "hong"))
    hana = narrator.of("hana, an operator,", await system.operator_token("hana"))
    await refused_without_consent(narrator, yeon)
    own = await register(narrator, yeon, hong)
    await nobody_is_believed(narrator, yeon, own)
    await own_registration(narrator, yeon, own)
    await masked(narrator, hana)
    await everything(narrator, own, yeon, hong, hana)


async def refused_without_consent(narrator: Narrator[CustomersSystem], yeon: Narrator[CustomersSystem]) -> None:
    narrator.step(
        "Nobody is registered without consent, and no child", "동의 없이는, 그리고 14세 미만은 등록되지 않는다"
    )
    before = await narrator.system.count()
    response = await yeon.call("POST", "/customers", YEON)
    narrator.expect(response.status == 422, "without consent: 422")
    response = await yeon.call("POST", "/customers", CHILD)
    narrator.expect(response.status == 422, "a child: 422")
    narrator.expect(await narrator.system.count() == before, "nothing was stored")


async def register(
    narrator: Narrator[CustomersSystem], yeon: Narrator[CustomersSystem], hong: Narrator[CustomersSystem]
) -> str:
    narrator.step("Two customers register, each once", "두 고객이 각자 한 번씩 등록한다")
    response = await yeon.call("POST", "/customers", CONSENTING)
    narrator.expect(response.status == 201, "yeon is registered: 201")
    own = str(response.body["id"])
    response = await hong.call("POST", "/customers", HONG)
    narrator.expect(response.status == 201, "hong is registered: 201")
    response = await yeon.call("POST", "/customers", CONSENTING)
    narrator.expect(response.status == 409, "a second time: 409")
    narrator.expect(f"/registrations/{own}>" in response.headers.get("Link", ""), "with a link to the first")
    return own


async def nobody_is_believed(narrator: Narrator[CustomersSystem], yeon: Narrator[CustomersSystem], own: str) -> None:
    narrator.step("Who says who they are, but cannot show it, is nobody", "증명하지 못하는 사람은 아무도 아니다")
    token = narrator.system.keys.token("yeon")
    for forged in ({}, {FORGED: f"Bearer {token}"}, {"Authorization": f"Bearer {token}x"}):
        response = await narrator.call("GET", f"/customers/{own}", headers=forged)
        narrator.expect(response.status == 401, "401")
        narrator.expect("WWW-Authenticate" in response.headers, "WWW-Authenticate says what is missing")


async def own_registration(narrator: Narrator[CustomersSystem], yeon: Narrator[CustomersSystem], own: str) -> None:
    narrator.step("A customer sees their own registration", "고객은 본인의 등록만 볼 수 있다")
    await narrator.expect_soon("the view is there", yeon.system.wait_for_view(own, "REGISTERED", yeon.event_seconds))
    response = await yeon.call("GET", "/me/registration")
    narrator.expect(response.body["id"] == own, "it is theirs")
    response = await yeon.call("GET", "/me/data")
    narrator.expect(response.status == 200, "and all that is stored about them")


async def masked(narrator: Narrator[CustomersSystem], hana: Narrator[CustomersSystem]) -> None:
    narrator.step(
        "An operator sees everybody masked, and all of it is on record", "운영자는 가려진 정보만 보고, 그 기록이 남는다"
    )
    response = await hana.call("GET", "/customers")
    customers = response.body["_embedded"]["customers"]
    narrator.expect(len(customers) == 2, "both customers are listed")
    narrator.expect(all(each["masked"] and "*" in each["customerName"] for each in customers), "masked")
    response = await hana.call("POST", "/customers/search", {"customerPhone": PHONE})
    [found] = response.body["_embedded"]["customers"]
    narrator.expect(found["masked"], "hong is found by the phone number, and masked")
    response = await hana.call("GET", f"/customers/{found['id']}?reveal=true&reason=customer-request")
    narrator.expect(response.body["customerPhone"] == PHONE, "one record is shown whole, for a reason")
    records = await narrator.system.query(ACCESS_RECORDS, "SELECT c.action, c.reason FROM c ORDER BY c.at")
    narrator.expect([each["action"] for each in records] == ["list", "search", "reveal"], "all three are on record")


async def everything(
    narrator: Narrator[CustomersSystem],
    own: str,
    yeon: Narrator[CustomersSystem],
    hong: Narrator[CustomersSystem],
    hana: Narrator[CustomersSystem],
) -> None:
    narrator.step("Everybody tries everything", "모두가 모든 것을 시도한다")
    # The operator cancels somebody else, so that there is something left for the customer to cancel.
    kim = narrator.system.customer("kim")
    of_kim = await kim.register()
    await narrator.expect_soon("kim is registered", kim.wait_for_view(of_kim, "REGISTERED", narrator.event_seconds))
    stranger = await narrator.system.operator("mina", roles=())
    targets: Mapping[str, tuple[System, str]] = {
        "nobody": (narrator.system, own),
        "no role": (stranger, own),
        "another customer": (hong.system, own),
        "an operator": (hana.system, of_kim),
        "the customer": (yeon.system, own),
    }
    answers = {caller: [await answer(*targets[caller], call) for call in CALLS] for caller in CALLERS}
    rows = [[str(call), *(str(answers[caller][row]) for caller in CALLERS)] for row, call in enumerate(CALLS)]
    narrator.table([["", *CALLERS], *rows])
    for column, caller in enumerate(CALLERS):
        others = [
            f"{call}: {found} instead of {call.expected[column]}"
            for call, found in zip(CALLS, answers[caller], strict=True)
            if found != call.expected[column]
        ]
        narrator.expect(not others, f"{caller} is answered as intended{': ' if others else ''}{'; '.join(others)}")


async def answer(system: System, customer_id: str, call: Call) -> int:
    """The status of a call about this customer."""
    path = call.path.replace("{id}", customer_id)
    response = await system.call(call.method, path, json=call.body)
    return response.status
