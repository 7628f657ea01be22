"""Every page of my page and every state of it, and how somebody comes to see it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from local_azure.stack import Stack
from shared.domain.documents import DocumentKind
from tools.browser.outages import Outage, faulty_kakao_login, nothing, unreadable, without
from tools.browser.visitor import DETAILS, Visitor

WRONG: Final = {**DETAILS, "customerPhone": "02-123-4567", "customerAge": "서른"}
# As long as they may be, and without a place to break.
LONGEST: Final = {**DETAILS, "customerName": "가" * 100, "roadAddress": "나" * 180, "detailAddress": "다" * 19}

type Show = Callable[[Visitor], Awaitable[object]]


async def _nothing(visitor: Visitor) -> None:
    """Nothing comes first."""


@dataclass(frozen=True)
class Scene:
    """`first`: what comes before. `status`: of the page at the end. `during`: what is out of order as it is shown."""

    name: str
    show: Show
    status: int = 200
    during: Outage = nothing
    first: Show = _nothing

    @asynccontextmanager
    async def played(self, visitor: Visitor, stack: Stack) -> AsyncIterator[None]:
        """The page is shown for the time of the block."""
        await self.first(visitor)
        async with self.during(stack):
            await self.show(visitor)
            yield


def _open(path: str) -> Show:
    return lambda visitor: visitor.open(path)


def _signed_in(path: str) -> Show:
    async def show(visitor: Visitor) -> None:
        await visitor.sign_in()
        await visitor.open(path)

    return show


def _registered(path: str) -> Show:
    async def show(visitor: Visitor) -> None:
        await visitor.sign_in()
        await visitor.register()
        await visitor.open(path)

    return show


def _as_operator(path: str) -> Show:
    async def show(visitor: Visitor) -> None:
        await visitor.sign_in_as_operator()
        await visitor.open(path)

    return show


# Signing in


async def _canceled_at_kakao(visitor: Visitor) -> None:
    await visitor.open("/login")
    await visitor.press(visitor.page.locator("[name=cancel]"))


async def _choosing_somebody(visitor: Visitor) -> None:
    await visitor.open("/login")
    await visitor.choose_person()


async def _session_over(visitor: Visitor) -> None:
    await visitor.sign_in()
    await visitor.open("/my/registration")
    await visitor.context.clear_cookies()
    await visitor.press(visitor.submit)


def _signed_in_for(minutes: int, path: str) -> Show:
    """As if the page had been open for so long."""

    async def show(visitor: Visitor) -> None:
        await visitor.context.clock.install()
        await _registering(visitor)
        await visitor.open(path)
        await visitor.context.clock.fast_forward(minutes * 60_000)

    return show


# Customers


async def _registering(visitor: Visitor) -> None:
    await visitor.sign_in()
    await visitor.register()


async def _registering_with_long_details(visitor: Visitor) -> None:
    await visitor.sign_in()
    await visitor.register(LONGEST)


async def _sending_nothing(visitor: Visitor) -> None:
    await visitor.sign_in()
    await visitor.open("/my/registration")
    await visitor.press(visitor.submit)


async def _sending_what_is_wrong(visitor: Visitor) -> None:
    await visitor.sign_in()
    await visitor.open("/my/registration")
    await visitor.fill_in(WRONG, agree=False)
    await visitor.press(visitor.submit)


async def _booking(visitor: Visitor) -> None:
    await _registering(visitor)
    await visitor.press(visitor.page.locator("[name=postpone]"))


async def _withdrawing(visitor: Visitor) -> None:
    await _booking(visitor)
    await visitor.open("/my/registration/cancel")


async def _withdrawn(visitor: Visitor) -> None:
    await _withdrawing(visitor)
    await visitor.press(visitor.submit)


async def _correcting_what_is_wrong(visitor: Visitor) -> None:
    await _registered("/my/registration/edit")(visitor)
    await visitor.field("customerAge").fill("서른")
    await visitor.press(visitor.submit)


async def _correcting_nothing(visitor: Visitor) -> None:
    await _registered("/my/registration/edit")(visitor)
    await visitor.press(visitor.submit)


async def _corrected(visitor: Visitor) -> None:
    await _registered("/my/registration/edit")(visitor)
    await visitor.field("customerName").fill("김새싹")
    await visitor.press(visitor.submit)


async def _about_to_register_anew(visitor: Visitor) -> None:
    await _canceled(visitor)
    await visitor.open("/my/registration")
    await visitor.fill_in()


async def _about_to_correct(visitor: Visitor) -> None:
    await _registered("/my/registration/edit")(visitor)
    await visitor.field("customerName").fill("김새싹")


async def _sending(visitor: Visitor) -> None:
    await visitor.press(visitor.submit)


async def _correcting_what_has_changed(visitor: Visitor) -> None:
    await _registered("/my/registration/edit")(visitor)
    in_other_tab = Visitor(await visitor.context.new_page(), visitor.origin)
    await in_other_tab.open("/my/registration/edit")
    await in_other_tab.field("customerName").fill("김새싹")
    await in_other_tab.press(in_other_tab.submit)
    await visitor.field("customerName").fill("김싹싹")
    await visitor.press(visitor.submit)


async def _canceled(visitor: Visitor) -> None:
    await _registering(visitor)
    await visitor.cancel()


async def _signed_out(visitor: Visitor) -> None:
    await visitor.sign_in()
    await visitor.sign_out()


# Operators


async def _search(visitor: Visitor, query: str) -> None:
    await visitor.open("/operators")
    await visitor.field("query").fill(query)
    await visitor.press(visitor.submit)


async def _found(visitor: Visitor) -> None:
    await _registering(visitor)
    await visitor.sign_in_as_operator()
    await _search(visitor, DETAILS["customerPhone"])


async def _found_nobody(visitor: Visitor) -> None:
    await visitor.sign_in_as_operator()
    await _search(visitor, "010-9999-0000")


async def _search_for_nonsense(visitor: Visitor) -> None:
    await visitor.sign_in_as_operator()
    await _search(visitor, "???")


async def _customer(visitor: Visitor) -> None:
    await _found(visitor)
    await visitor.press(visitor.page.locator("main a[href^='/operators/customers/']").first)


async def _reloading(visitor: Visitor) -> None:
    await visitor.page.reload()


async def _revealed(visitor: Visitor) -> None:
    await _customer(visitor)
    await visitor.page.locator("[name=reason]").first.check()
    await visitor.press(visitor.submit)


async def _asked_to_cancel(visitor: Visitor) -> None:
    await _customer(visitor)
    await visitor.press(visitor.page.locator("main a[href$='/cancel']"))


async def _canceled_by_operator(visitor: Visitor) -> None:
    await _asked_to_cancel(visitor)
    await visitor.press(visitor.submit)


async def _without_role(visitor: Visitor) -> None:
    await visitor.sign_in_as_operator(with_role=False)
    await _search(visitor, DETAILS["customerPhone"])


async def _canceled_at_entra(visitor: Visitor) -> None:
    await visitor.open("/operators/login")
    await visitor.press(visitor.page.locator("[name=cancel]"))


async def _signed_out_operator(visitor: Visitor) -> None:
    await visitor.sign_in_as_operator()
    await visitor.sign_out()


NO_CUSTOMER: Final = unreadable(DocumentKind.CUSTOMER, "customerName")
FOR_EVERYBODY: Final = (
    Scene("start", _open("/")),
    Scene("start-signed-in", _signed_in("/")),
    Scene("signed-out", _signed_out),
    Scene("canceled-at-kakao", _canceled_at_kakao),
    Scene("privacy", _open("/privacy")),
    Scene("privacy-version", _open("/privacy/2026-12-01")),
    Scene("not-found", _open("/nothing-here"), 404),
    Scene("sign-in-refused", _open("/login/callback?code=any&state=any"), 400),
    Scene("sign-in-down", _choosing_somebody, 503, faulty_kakao_login(calls=["token"], status=503)),
    Scene("session-over", _session_over, 403),
    Scene("session-ends", _signed_in_for(56, "/my/registration/edit")),
    Scene("session-ended", _signed_in_for(61, "/my")),
    Scene("session-ended-form", _signed_in_for(61, "/my/registration/edit")),
)
FOR_CUSTOMERS: Final = (
    Scene("my-nothing", _signed_in("/my")),
    Scene("register", _signed_in("/my/registration")),
    Scene("register-empty", _sending_nothing, 422),
    Scene("register-wrong", _sending_what_is_wrong, 422),
    Scene("register-not-now", _registering, 503, without("kakao")),
    Scene("my-registered", _registering),
    Scene("my-long", _registering_with_long_details),
    Scene("my", _registered("/my")),
    Scene("correct", _registered("/my/registration/edit")),
    Scene("correct-wrong", _correcting_what_is_wrong, 422),
    Scene("correct-nothing", _correcting_nothing),
    Scene("correct-changed", _correcting_what_has_changed, 412),
    Scene("my-corrected", _corrected),
    Scene("cancel", _registered("/my/registration/cancel")),
    Scene("my-canceled", _canceled),
    Scene("my-postponed", _booking, 200, without("kakao")),
    Scene("withdraw", _withdrawing, 200, without("kakao")),
    Scene("my-withdrawn", _withdrawn, 200, without("kakao")),
    Scene("no-registration", _signed_in("/my/registration/edit"), 404),
    Scene("down", _signed_in("/my"), 503, without("customerview")),
    Scene("failed", _open("/my"), 500, NO_CUSTOMER, _registering),
    Scene("register-failed", _sending, 500, unreadable(DocumentKind.CLAIM, "registrationId"), _about_to_register_anew),
    Scene("correct-failed", _sending, 500, NO_CUSTOMER, _about_to_correct),
)
FOR_OPERATORS: Final = (
    Scene("operators-sign-in", _open("/operators")),
    Scene("operators-signed-out", _signed_out_operator),
    Scene("operators-canceled-at-entra", _canceled_at_entra),
    Scene("operators-refused", _open("/operators/login/callback?code=any&state=any"), 400),
    Scene("operators-no-role", _without_role, 403),
    Scene("operators-search", _as_operator("/operators")),
    Scene("operators-search-wrong", _search_for_nonsense, 422),
    Scene("operators-found", _found),
    Scene("operators-found-nobody", _found_nobody),
    Scene("operators-customer", _customer),
    Scene("operators-revealed", _revealed),
    Scene("operators-cancel", _asked_to_cancel),
    Scene("operators-canceled", _canceled_by_operator),
    Scene("operators-failed", _reloading, 500, NO_CUSTOMER, _customer),
    Scene("operators-not-found", _as_operator("/operators/customers/nobody"), 404),
)
SCENES: Final = (*FOR_EVERYBODY, *FOR_CUSTOMERS, *FOR_OPERATORS)
