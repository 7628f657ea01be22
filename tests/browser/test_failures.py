"""What a visitor sees when something is our fault: a document that no app can read."""

import re

from local_azure.stack import Stack
from shared.domain.documents import DocumentKind
from tests.browser.marks import BROWSER, Arrive
from tools.browser.outages import unreadable
from tools.browser.scenes import NO_CUSTOMER
from tools.browser.visitor import DETAILS, Visitor
from tools.play.waiting import wait_until
from web.rendering import words
from web.visit import Language

pytestmark = BROWSER

say = words(Language.KOREAN)


async def is_reported(visitor: Visitor, stack: Stack) -> None:
    """The page has the id of a trace, by which the log of the app that failed tells what happened, and nothing else."""
    [trace] = re.findall("[0-9a-f]{32}", await visitor.text())

    async def is_logged() -> bool:
        return trace in stack.log("customer")

    await wait_until(is_logged, "the trace is in the log", 60)
    [line] = [line for line in stack.log("customer").splitlines() if trace in line and "ERROR" in line.upper()]
    assert "ValidationError" in line
    assert DETAILS["customerName"] not in line


async def test_what_cannot_be_read_is_said_to_be_our_fault(visitor: Visitor, stack: Stack) -> None:
    await visitor.sign_in()
    await visitor.register()
    async with NO_CUSTOMER(stack):
        response = await visitor.open("/my")

        assert response.status == 500
        assert "retry-after" not in await response.all_headers()
        assert await visitor.heading() == say("errors.failed.title")
        await is_reported(visitor, stack)

    assert (await visitor.open("/my")).status == 200


async def test_a_registration_that_fails_keeps_what_was_typed_and_can_be_sent_again(
    visitor: Visitor, stack: Stack
) -> None:
    await visitor.sign_in()
    await visitor.register()
    await visitor.cancel()
    await visitor.open("/my/registration")
    await visitor.fill_in()
    async with unreadable(DocumentKind.CLAIM, "registrationId")(stack):
        response = await visitor.press(visitor.submit)

        assert response.status == 500
        assert say("register.failed.title") in await visitor.text()
        await is_reported(visitor, stack)
        for name, value in DETAILS.items():
            assert await visitor.field(name).input_value() == value

    await visitor.press(visitor.submit)
    assert visitor.path == "/my?done=registered"


async def test_a_correction_that_fails_keeps_what_was_typed_and_can_be_sent_again(
    visitor: Visitor, stack: Stack
) -> None:
    await visitor.sign_in()
    await visitor.register()
    await visitor.open("/my/registration/edit")
    await visitor.field("customerName").fill("김새싹")
    async with NO_CUSTOMER(stack):
        response = await visitor.press(visitor.submit)

        assert response.status == 500
        assert say("correct.failed.title") in await visitor.text()
        await is_reported(visitor, stack)
        assert await visitor.field("customerName").input_value() == "김새싹"

    await visitor.press(visitor.submit)
    assert visitor.path == "/my?done=corrected"


async def test_operators_get_the_trace_on_a_page_of_their_own(visitor: Visitor, arrive: Arrive, stack: Stack) -> None:
    async with arrive() as customer:
        await customer.sign_in()
        await customer.register()
        customer_id = await customer.page.locator("dd").last.inner_text()
    await visitor.sign_in_as_operator()
    async with NO_CUSTOMER(stack):
        response = await visitor.open(f"/operators/customers/{customer_id}")

        assert response.status == 500
        assert await visitor.heading() == say("operators.problems.failed.title")
        assert await visitor.link("/operators").count() == 1
        await is_reported(visitor, stack)
