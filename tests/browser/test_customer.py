"""What customers do on my page, with and without scripts."""

from playwright.async_api import Dialog, expect

from local_azure.stack import Stack
from tests.browser.marks import BROWSER, Arrive
from tools.browser.outages import without
from tools.browser.visitor import DETAILS, Equipment, Visitor, newcomer
from tools.play.people import CustomersSystem
from tools.play.waiting import wait_until
from web.rendering import words
from web.visit import Language

pytestmark = BROWSER

say = words(Language.KOREAN)
# The run every ten seconds, pauses between tries, the breaker; a busy machine.
BOOKED_WITHIN = 90


async def registrations_of(stack: Stack, number: str) -> list[str]:
    """How the registrations are stored that this person has now."""
    async with CustomersSystem.of(stack) as system:
        response = await system.customer(number).call("GET", "/me/registration")
        return [str(response.body["id"])] if response.status == 200 else []


async def test_a_customer_registers_corrects_cancels_and_leaves_nothing_behind(visitor: Visitor) -> None:
    await visitor.sign_in()
    assert visitor.path == "/my"
    assert say("my.none") in await visitor.text()

    await visitor.press(visitor.link("/my/registration"))
    await visitor.fill_in()
    await visitor.press(visitor.submit)
    shown = await visitor.text()
    assert visitor.path == "/my?done=registered"
    assert say("done.registered.title") in shown
    for value in DETAILS.values():
        assert value in shown
    assert say("status.REGISTERED") in shown

    async def kakaotalk_has_said_something() -> bool:
        await visitor.open("/my")
        return say("message.sandboxed") in await visitor.text()

    await wait_until(kakaotalk_has_said_something, "the page says what KakaoTalk said")

    await visitor.press(visitor.link("/my/registration/edit"))
    assert await visitor.field("customerName").input_value() == DETAILS["customerName"]
    await visitor.field("customerName").fill("김새싹")
    await visitor.press(visitor.submit)
    assert visitor.path == "/my?done=corrected"
    assert "김새싹" in await visitor.text()

    await visitor.press(visitor.link("/my/registration/cancel"))
    assert say("cancel.question", name="김새싹") in await visitor.text()
    await visitor.press(visitor.submit)
    shown = await visitor.text()
    assert visitor.path == "/my?done=canceled"
    assert say("done.canceled.title") in shown
    assert "김새싹" not in shown

    await visitor.open("/my")
    assert say("my.none") in await visitor.text()
    await visitor.sign_out()
    assert visitor.path == "/?done=signed-out"
    assert say("start.signed-out") in await visitor.text()


async def test_going_back_after_signing_out_shows_nothing(visitor: Visitor) -> None:
    await visitor.sign_in()
    await visitor.register()
    await visitor.sign_out()

    await visitor.back()

    await expect(visitor.page.locator("body")).not_to_contain_text(DETAILS["customerName"])
    assert visitor.path == "/", "the page is asked for again, and nobody is signed in"


async def test_nothing_is_cancelled_before_the_customer_says_so_twice(visitor: Visitor) -> None:
    dialogs: list[Dialog] = []
    visitor.page.on("dialog", lambda dialog: dialogs.append(dialog))  # noqa: PLW0108 Playwright sets an attribute of it
    await visitor.sign_in()
    await visitor.register()

    await visitor.press(visitor.link("/my/registration/cancel"))
    await visitor.press(visitor.link("/my"))

    assert say("status.REGISTERED") in await visitor.text()
    assert not dialogs


async def test_a_wrong_form_says_what_is_wrong_and_keeps_what_was_typed(visitor: Visitor) -> None:
    await visitor.sign_in()
    await visitor.open("/my/registration")
    await visitor.fill_in({**DETAILS, "customerPhone": "02-123-4567", "customerAge": "서른"}, agree=False)

    response = await visitor.press(visitor.submit)

    assert response.status == 422
    assert (await visitor.page.title()).startswith(say("form.error"))
    await expect(visitor.page.locator(".summary[role=alert]")).to_be_focused()
    assert await visitor.field("customerName").input_value() == DETAILS["customerName"]
    assert await visitor.field("customerPhone").input_value() == "02-123-4567"
    wrong = visitor.page.locator("[aria-invalid=true]")
    names = [await each.get_attribute("name") for each in await wrong.all()]
    assert names == ["customerPhone", "customerAge", "consent", "oldEnough"]
    for each in await wrong.all():
        described = str(await each.get_attribute("aria-describedby")).split()
        texts = [await visitor.page.locator(f"#{name}").inner_text() for name in described]
        assert any(text.startswith(say("form.error")) for text in texts)


async def test_each_line_of_the_summary_leads_to_its_field(visitor: Visitor) -> None:
    await visitor.sign_in()
    await visitor.open("/my/registration")
    await visitor.press(visitor.submit)

    await visitor.page.locator(".summary a").first.click()

    await expect(visitor.field("customerName")).to_be_focused()


async def test_a_wrong_correction_keeps_what_was_typed(visitor: Visitor) -> None:
    await visitor.sign_in()
    await visitor.register()
    await visitor.open("/my/registration/edit")
    await visitor.field("customerPhone").fill("없음")

    response = await visitor.press(visitor.submit)

    assert response.status == 422
    await expect(visitor.page.locator(".summary[role=alert]")).to_be_focused()
    assert await visitor.field("customerPhone").input_value() == "없음"


async def test_a_double_click_registers_once(visitor: Visitor, stack: Stack) -> None:
    number = newcomer()
    await visitor.sign_in(number)
    await visitor.open("/my/registration")
    await visitor.fill_in()

    await visitor.submit.dblclick()
    await visitor.page.wait_for_url("**/my*")
    await visitor.page.wait_for_load_state()

    assert say("status.REGISTERED") in await visitor.text()
    assert len(await registrations_of(stack, number)) == 1


async def test_a_form_that_is_sent_again_registers_once(visitor: Visitor, stack: Stack) -> None:
    number = newcomer()
    await visitor.sign_in(number)
    await visitor.register()
    [first] = await registrations_of(stack, number)

    await visitor.back()
    await visitor.open("/my/registration")

    assert visitor.path == "/my", "who is registered sees that, and no form"
    assert await registrations_of(stack, number) == [first]


async def test_while_kakaotalk_is_down_the_form_stays_and_registering_can_be_booked(
    visitor: Visitor, stack: Stack
) -> None:
    await visitor.sign_in()
    async with without("kakao")(stack):
        response = await visitor.register()
        assert response.status == 503
        assert int((await response.all_headers())["retry-after"]) > 0
        assert say("register.not-now.title") in await visitor.text()
        await expect(visitor.page.locator(".summary[role=alert]")).to_be_focused()
        for name, value in DETAILS.items():
            assert await visitor.field(name).input_value() == value

        await visitor.press(visitor.page.locator("[name=postpone]"))
        shown = await visitor.text()
        assert visitor.path == "/my?done=postponed"
        assert say("done.postponed.title") in shown
        assert say("my.pending.title") in shown

    async def is_registered() -> bool:
        await visitor.open("/my")
        return say("status.REGISTERED") in await visitor.text()

    await wait_until(is_registered, "the page says that it is registered", BOOKED_WITHIN, poll_seconds=0.5)


async def test_a_booked_registration_can_be_withdrawn(visitor: Visitor, stack: Stack) -> None:
    await visitor.sign_in()
    async with without("kakao")(stack):
        await visitor.register()
        await visitor.press(visitor.page.locator("[name=postpone]"))
        await visitor.press(visitor.link("/my/registration/cancel"))
        assert say("withdraw.question", name=DETAILS["customerName"]) in await visitor.text()

        await visitor.press(visitor.submit)

        assert visitor.path == "/my?done=withdrawn"
        assert say("done.withdrawn.title") in await visitor.text()


async def test_while_the_other_apps_are_down_the_page_says_so(visitor: Visitor, stack: Stack) -> None:
    await visitor.sign_in()
    async with without("customerview")(stack):
        response = await visitor.open("/my")

    assert response.status == 503
    assert await visitor.heading() == say("errors.unavailable.title")


async def test_nobody_sees_the_registration_of_another(visitor: Visitor, arrive: Arrive) -> None:
    await visitor.sign_in()
    await visitor.register()
    async with arrive(Equipment()) as another:
        await another.sign_in()

        response = await another.open("/my/registration/edit")

        assert response.status == 404
        assert await another.heading() == say("errors.no-registration.title")
        await another.open("/my")
        assert DETAILS["customerName"] not in await another.text()


async def test_whoever_has_not_signed_in_is_asked_to(visitor: Visitor) -> None:
    response = await visitor.open("/my")

    assert (visitor.path, response.status) == ("/", 200)
    assert await visitor.link("/login").count() == 1


async def test_when_the_session_is_over_nothing_is_done_and_the_page_says_so(visitor: Visitor) -> None:
    await visitor.sign_in()
    await visitor.open("/my/registration")
    await visitor.fill_in()
    await visitor.context.clear_cookies()

    response = await visitor.press(visitor.submit)

    assert response.status == 403
    assert await visitor.heading() == say("errors.session-ended.title")
    await visitor.press(visitor.link("/login"))
    await visitor.choose_person()
    assert visitor.path == "/my"


async def test_the_session_is_in_a_cookie_that_scripts_and_other_sites_never_get(visitor: Visitor) -> None:
    await visitor.sign_in()

    [cookie] = await visitor.context.cookies(visitor.origin)

    assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == ("session", True, "Lax", "/")


async def test_everything_that_is_stored_can_be_downloaded(visitor: Visitor) -> None:
    await visitor.sign_in()
    await visitor.register()
    await visitor.open("/my")

    async with visitor.page.expect_download() as downloading:
        await visitor.link("/my/data").click()
    download = await downloading.value

    assert download.suggested_filename.endswith(".json")
    assert DETAILS["customerName"] in (await download.path()).read_text(encoding="utf-8")


async def test_somebody_with_an_english_browser_reads_english(arrive: Arrive) -> None:
    english = words(Language.ENGLISH)
    async with arrive(Equipment(locale="en-US")) as visitor:
        await visitor.sign_in()
        await visitor.register()

        shown = await visitor.text()

        assert english("done.registered.title") in shown
        assert english("status.REGISTERED") in shown
        assert await visitor.page.locator("html").get_attribute("lang") == "en"


async def test_what_somebody_left_open_in_another_tab_becomes_nobody_elses(visitor: Visitor, stack: Stack) -> None:
    first, second = newcomer(), newcomer()
    await visitor.sign_in(first)
    await visitor.open("/my/registration")
    await visitor.fill_in()
    in_other_tab = Visitor(await visitor.context.new_page(), visitor.origin)
    await in_other_tab.open("/my")
    await in_other_tab.sign_out()
    await in_other_tab.sign_in(second)

    response = await visitor.press(visitor.submit)

    assert response.status == 409
    assert await visitor.heading() == say("errors.sign-in-changed.title")
    assert DETAILS["customerName"] not in await visitor.text()
    assert [await registrations_of(stack, number) for number in (first, second)] == [[], []]
