"""The whole scenario on a local system: register, look up, stop kakao, postpone, cancel, start kakao again, list."""

from typing import Any

from shared.resources import CUSTOMER_VIEWS, CUSTOMERS, KAKAOS
from tools.play import steps
from tools.play.local_system import LocalSystem
from tools.play.narrator import Narrator
from tools.play.system import YEON

REGISTRATION_SECONDS = 2  # the default of the setting of this name
SLACK_SECONDS = 1  # for the rest of the request, on a busy machine
# The first attempt is due some five seconds after it was postponed, and the next some ten seconds later. Attempts begin
# every ten seconds.
POSTPONED_SECONDS = 60
RESPOND_ASYNC = {"Prefer": "respond-async"}
HONG = {"customerName": "홍길동", "customerAddress": "인천광역시", "customerAge": 41}


async def play(narrator: Narrator[LocalSystem]) -> None:
    """Plays every step. Raises StepFailed at the first that fails."""
    customer_id = await register_yeon(narrator)
    await look_up(narrator, customer_id)
    narrator.step("KakaoTalk goes down", "카카오톡 서비스 중단")
    narrator.system.stack.stop_service("kakao")
    narrator.say("local-azure stop kakao")
    await register_refused(narrator)
    registration = await register_postponed(narrator)
    await cancel_without_kakao(narrator, customer_id)
    await start_kakao(narrator, customer_id)
    hong = await registered_by_itself(narrator, registration)
    await list_pages(narrator, [hong])


async def register_yeon(narrator: Narrator[LocalSystem]) -> str:
    narrator.step("A customer registers; KakaoTalk is notified in the same request", "고객이 정보를 등록한다 (Sync)")
    customer_id = await steps.register(narrator, YEON)
    stored = await show_stored(narrator, customer_id)
    types = sorted(document["type"] for document in stored[CUSTOMERS])
    narrator.expect(types == ["customer", "event"], "customer and outbox event are in one partition")
    narrator.expect([m["kind"] for m in stored[KAKAOS]] == ["registered"], "one KakaoTalk message is on record")
    return customer_id


async def look_up(narrator: Narrator[LocalSystem], customer_id: str) -> None:
    narrator.step("The customer looks up their own registration", "고객은 본인의 등록 내역을 조회할 수 있다")
    await steps.look_up(narrator, customer_id)


async def register_refused(narrator: Narrator[LocalSystem]) -> None:
    narrator.step(
        "A customer who cannot be notified by KakaoTalk is not registered",
        "카카오톡으로 전달되지 않는 고객은 등록되지 않는다",
    )
    before = await narrator.system.count()
    response = await narrator.call("POST", "/customers", HONG)
    narrator.expect(response.status == 503, "refused: 503")
    narrator.expect(int(response.headers["Retry-After"]) >= 1, "Retry-After says when to try again")
    narrator.expect(
        response.seconds < REGISTRATION_SECONDS + SLACK_SECONDS, "the response came within the time of a registration"
    )
    narrator.expect(await narrator.system.count() == before, "nothing was stored")


async def register_postponed(narrator: Narrator[LocalSystem]) -> str:
    narrator.step("Or the registration is put off for a moment", "카카오톡이 과중되면 등록을 잠시 미룬다")
    response = await narrator.call("POST", "/customers", HONG, RESPOND_ASYNC)
    narrator.expect(response.status == 202, "postponed: 202")
    registration = response.headers["Location"]
    narrator.expect(response.headers["Preference-Applied"] == "respond-async", "as the client prefers")
    response = await narrator.call("GET", registration)
    narrator.expect(response.body["status"] == "pending", "the registration waits")
    customer_id = response.body["id"]
    response = await narrator.call("GET", f"/customers/{customer_id}")
    narrator.expect(response.status == 404, "there is no customer yet: 404")
    await show_stored(narrator, customer_id)
    return registration


async def registered_by_itself(narrator: Narrator[LocalSystem], registration: str) -> str:
    narrator.step("What was put off is registered without another call", "미뤄 둔 등록이 저절로 된다")
    waiting = narrator.system.wait_for_registration(registration, "registered", POSTPONED_SECONDS)
    await narrator.expect_soon("the registration is done", waiting)
    response = await narrator.call("GET", registration)
    customer = response.body["_links"]["customer"]["href"]
    response = await narrator.call("GET", customer)
    narrator.expect(response.status == 200, "the customer is registered")
    customer_id = response.body["id"]
    await narrator.expect_soon(
        "the view says REGISTERED", narrator.system.wait_for_view(customer_id, "REGISTERED", narrator.event_seconds)
    )
    stored = await show_stored(narrator, customer_id)
    narrator.expect([m["kind"] for m in stored[KAKAOS]] == ["registered"], "exactly one KakaoTalk message is on record")
    return str(customer_id)


async def cancel_without_kakao(narrator: Narrator[LocalSystem], customer_id: str) -> None:
    narrator.step("Cancelling works while KakaoTalk is down", "등록취소건은 카카오톡이 되지 않아도 취소된다")
    await steps.cancel(narrator, customer_id)
    stored = await show_stored(narrator, customer_id)
    narrator.expect([m["kind"] for m in stored[KAKAOS]] == ["registered"], "no alert yet: it waits on Service Bus")


async def start_kakao(narrator: Narrator[LocalSystem], customer_id: str) -> None:
    narrator.step(
        "KakaoTalk comes back; the alert is sent without another call",
        "등록 취소가 될때마다 카톡으로 알림을 준다 (Async)",
    )
    narrator.system.stack.start_service("kakao")
    narrator.say("local-azure start kakao")
    alert = await steps.expect_alert(narrator, customer_id)
    narrator.expect(alert.body["status"] == "sandboxed", "the sandbox kept the alert: no phone received it")
    stored = await show_stored(narrator, customer_id)
    kinds = sorted(m["kind"] for m in stored[KAKAOS])
    narrator.expect(kinds == ["canceled", "registered"], "exactly one alert is on record")
    narrator.expect([v["status"] for v in stored[CUSTOMER_VIEWS]] == ["CANCELED"], "the view says CANCELED")


async def list_pages(narrator: Narrator[LocalSystem], registered: list[str]) -> None:
    narrator.step("Lists come in pages, newest first", "목록 조회와 페이징")
    ids = [*registered]
    for number in range(1, 6):
        response = await narrator.system.call("POST", "/customers", json={**HONG, "customerAge": 20 + number})
        narrator.expect(response.status == 201, f"registered another: 201 ({number} of 5)")
        ids.append(response.body["id"])
    page = await narrator.call("GET", "/customers?size=2")
    seen = [customer["id"] for customer in page.body["_embedded"]["customers"]]
    while "next" in page.body["_links"]:
        page = await narrator.call("GET", page.body["_links"]["next"]["href"])
        seen += [customer["id"] for customer in page.body["_embedded"]["customers"]]
    narrator.expect(seen == ids[::-1], "every customer once, newest first, over three pages")


async def show_stored(narrator: Narrator[LocalSystem], customer_id: str) -> dict[str, list[dict[str, Any]]]:
    """Shows and returns the documents of a customer in each container."""
    stored = await narrator.system.stored_everywhere(customer_id)
    narrator.show_stored(stored)
    return stored
