"""What operators do on their pages, with and without scripts."""

from playwright.async_api import expect

from tests.browser.marks import BROWSER, Arrive
from tools.browser.visitor import DETAILS, Equipment, Visitor
from web.rendering import words
from web.visit import Language

pytestmark = BROWSER

say = words(Language.KOREAN)


async def registered_id(customer: Visitor) -> str:
    """Registers; returns the number that the customer sees."""
    await customer.sign_in()
    await customer.register()
    return await customer.page.locator("dd").last.inner_text()


async def test_an_operator_finds_reveals_and_cancels_for_a_customer(
    visitor: Visitor, arrive: Arrive, script: bool
) -> None:
    async with arrive(Equipment(script=script)) as customer:
        customer_id = await registered_id(customer)
        await visitor.sign_in_as_operator()
        assert visitor.path == "/operators"

        await visitor.field("query").fill(customer_id)
        await visitor.press(visitor.submit)
        assert DETAILS["customerName"] not in await visitor.text()
        await visitor.press(visitor.link(f"/operators/customers/{customer_id}"))
        assert DETAILS["customerPhone"] not in await visitor.text()
        assert say("operators.messages.status.sandboxed") in await visitor.text()

        await visitor.page.locator("[name=reason]").first.check()
        await visitor.press(visitor.submit)
        assert DETAILS["customerName"] in await visitor.text()
        assert DETAILS["customerPhone"] in await visitor.text()

        await visitor.open(f"/operators/customers/{customer_id}/cancel")
        await visitor.press(visitor.submit)
        assert await visitor.heading() == say("operators.canceled.title")

        await customer.open("/my")
        assert say("my.none") in await customer.text() or say("ended.canceled") in await customer.text()
        assert DETAILS["customerName"] not in await customer.text()


async def test_an_operator_finds_a_customer_by_the_phone_number_which_no_address_contains(visitor: Visitor) -> None:
    await registered_id(visitor)
    await visitor.sign_in_as_operator()

    await visitor.field("query").fill(DETAILS["customerPhone"])
    response = await visitor.press(visitor.submit)

    assert response.status == 200
    assert await visitor.page.locator("main a[href^='/operators/customers/']").count()
    assert "1234" not in visitor.page.url


async def test_nobody_is_revealed_without_a_reason(visitor: Visitor) -> None:
    customer_id = await registered_id(visitor)
    await visitor.sign_in_as_operator()
    await visitor.open(f"/operators/customers/{customer_id}")
    await visitor.page.locator("main form").first.evaluate("form => form.noValidate = true")

    response = await visitor.press(visitor.submit)

    assert response.status == 422
    await expect(visitor.page.locator(".summary[role=alert]")).to_be_focused()
    assert DETAILS["customerPhone"] not in await visitor.text()


async def test_somebody_without_the_role_sees_no_customer(visitor: Visitor) -> None:
    await visitor.sign_in_as_operator(with_role=False)
    await visitor.field("query").fill(DETAILS["customerPhone"])

    response = await visitor.press(visitor.submit)

    assert response.status == 403
    assert await visitor.heading() == say("operators.problems.no-role.title")


async def test_going_back_after_signing_out_shows_no_customer(visitor: Visitor) -> None:
    customer_id = await registered_id(visitor)
    await visitor.sign_in_as_operator()
    await visitor.open(f"/operators/customers/{customer_id}")
    await visitor.sign_out()

    await visitor.back()

    await expect(visitor.page.locator("body")).not_to_contain_text(customer_id)


async def test_whoever_has_not_signed_in_gets_the_link_to_do_so(visitor: Visitor) -> None:
    await visitor.open("/operators")

    assert await visitor.link("/operators/login").count() == 1
