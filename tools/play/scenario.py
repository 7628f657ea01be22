"""The scenario: register, look up, kakao down and back, cancel, list."""

from typing import Any

from shared.resources import CUSTOMER_VIEWS, CUSTOMERS, KAKAOS
from tools.play import steps
from tools.play.stage import Stage
from tools.play.system import System

KAKAO_TIMEOUT_SECONDS = 2
YEON = {"customerName": "yeon", "customerAddress": "incheon", "customerAge": "20"}
HONG = {"customerName": "홍길동", "customerAddress": "인천광역시", "customerAge": 41}


async def play(stage: Stage[System]) -> None:
    """Plays it all. Raises Unexpected at the first step that goes otherwise."""
    customer_id = await register_yeon(stage)
    await look_up(stage, customer_id)
    stage.step("KakaoTalk goes down", "카카오톡 서비스 중단")
    stage.system.stack.stop_service("kakao")
    stage.say("local_azure stop kakao")
    await register_refused(stage)
    await cancel_without_kakao(stage, customer_id)
    await kakao_back(stage, customer_id)
    await list_with_paging(stage)


async def register_yeon(stage: Stage[System]) -> str:
    stage.step("A customer registers; KakaoTalk is told in the same request", "고객이 정보를 등록한다 (Sync)")
    customer_id = await steps.register(stage, YEON)
    stored = await show_stored(stage, customer_id)
    types = sorted(document["type"] for document in stored[CUSTOMERS])
    stage.expect(types == ["customer", "event"], "customer and outbox event stand in one partition")
    stage.expect([m["kind"] for m in stored[KAKAOS]] == ["registered"], "one KakaoTalk message is on record")
    return customer_id


async def look_up(stage: Stage[System], customer_id: str) -> None:
    stage.step("The customer looks up their own registration", "고객은 본인의 등록 내역을 조회할 수 있다")
    await steps.look_up(stage, customer_id)


async def register_refused(stage: Stage[System]) -> None:
    stage.step(
        "Whom KakaoTalk was not told about is not registered", "카카오톡으로 전달되지 않는 고객은 등록되지 않는다"
    )
    before = await stage.system.count()
    answer = await stage.call("POST", "/customers", HONG)
    stage.expect(answer.status == 503, "refused: 503")
    stage.expect(int(answer.headers["Retry-After"]) >= 1, "Retry-After says when to try again")
    stage.expect(answer.seconds < KAKAO_TIMEOUT_SECONDS + 1, "the answer came within the kakao timeout")
    stage.expect(await stage.system.count() == before, "nothing was stored")


async def cancel_without_kakao(stage: Stage[System], customer_id: str) -> None:
    stage.step("Cancelling works while KakaoTalk is down", "등록취소건은 카카오톡이 되지 않아도 취소된다")
    await steps.cancel(stage, customer_id)
    stored = await show_stored(stage, customer_id)
    stage.expect([m["kind"] for m in stored[KAKAOS]] == ["registered"], "no alert yet: it waits on Service Bus")


async def kakao_back(stage: Stage[System], customer_id: str) -> None:
    stage.step("KakaoTalk comes back; the alert is sent by itself", "등록 취소가 될때마다 카톡으로 알림을 준다 (Async)")
    stage.system.stack.start_service("kakao")
    stage.say("local_azure start kakao")
    alert = await steps.alerted(stage, customer_id)
    stage.expect(alert.body["status"] == "sandboxed", "the sandbox kept it, and does not claim a phone has it")
    stored = await show_stored(stage, customer_id)
    kinds = sorted(m["kind"] for m in stored[KAKAOS])
    stage.expect(kinds == ["canceled", "registered"], "exactly one alert is on record")
    stage.expect([v["status"] for v in stored[CUSTOMER_VIEWS]] == ["CANCELED"], "the view says CANCELED")


async def list_with_paging(stage: Stage[System]) -> None:
    stage.step("Lists come in pages, newest first", "목록 조회와 페이징")
    ids = []
    for number in range(1, 6):
        answer = await stage.system.call("POST", "/customers", json={**HONG, "customerAge": number})
        stage.expect(answer.status == 201, f"registered another: 201 ({number} of 5)")
        ids.append(answer.body["id"])
    page = await stage.call("GET", "/customers?size=2")
    seen = [customer["id"] for customer in page.body["_embedded"]["customers"]]
    while "next" in page.body["_links"]:
        page = await stage.call("GET", page.body["_links"]["next"]["href"])
        seen += [customer["id"] for customer in page.body["_embedded"]["customers"]]
    stage.expect(seen == ids[::-1], "every customer once, newest first, over three pages")


async def show_stored(stage: Stage[System], customer_id: str) -> dict[str, list[dict[str, Any]]]:
    """Shows and returns what each container holds of a customer."""
    stored = await stage.system.stored_everywhere(customer_id)
    stage.show_stored(stored)
    return stored
