"""Cancelling what is registered, and withdrawing what is pending: each is asked about first, on a page of its own."""

from dataclasses import dataclass, replace
from typing import Final

from web.pages.own import Own, OwnRegistrations, State, UnexpectedAnswer, calling, is_down, refuse_unknown, retry_after
from web.ports import Answered, Apps, AppsUnavailable
from web.visit import Answer, Done, Page, Place, Redirect, Visit

WITHDRAW: Final = "withdraw"
"""What the form says of a registration that was pending when the customer was asked."""


@dataclass(frozen=True)
class Cancel:
    """The form says which registration it asks about; only the customer's own is ever cancelled.

    Somebody who has cancelled that one, and registered anew, is asked again.
    """

    apps: Apps

    async def ask(self, visit: Visit) -> Answer:
        """GET /my/registration/cancel."""
        own = await OwnRegistrations(self.apps).found(visit)
        return self._page(own) if own else Redirect(Place.MY)

    async def send(self, visit: Visit) -> Answer:
        """POST /my/registration/cancel. Whoever has none any more has what they asked for."""
        own = await OwnRegistrations(self.apps).found(visit)
        is_withdrawal = visit.form.get("what") == WITHDRAW
        done = Done.WITHDRAWN if is_withdrawal else Done.CANCELED
        if own is None:
            return Redirect(Place.MY, done)
        if visit.form.get("id") != own.registration_id:
            return self._page(own, status=409)
        if is_withdrawal and own.state is State.REGISTERED:
            return self._page(own, "registered", 409)
        collection = "registrations" if own.state is State.PENDING else "customers"
        try:
            answered = await self.apps.send(calling(visit), "DELETE", f"/{collection}/{own.registration_id}")
            return await self._after(visit, own, answered, done)
        except AppsUnavailable:
            return self._later(own)
        except UnexpectedAnswer as error:
            error.page = self._page(own, "failed")
            raise

    async def _after(self, visit: Visit, own: Own, answered: Answered, done: Done) -> Answer:
        refuse_unknown(answered)
        if is_down(answered):
            return self._later(own, answered)
        match answered.status, answered.problem:
            case ((204 | 404), _):
                return Redirect(Place.MY, done)
            case 409, "too-late":
                newest = await OwnRegistrations(self.apps).found(visit)
                return self._page(newest, "registered", 409) if newest else Redirect(Place.MY, done)
        raise UnexpectedAnswer(answered)

    def _later(self, own: Own, answered: Answered | None = None) -> Answer:
        return replace(self._page(own, "unknown", 503), headers=retry_after(answered))

    def _page(self, own: Own, notice: str = "", status: int = 200) -> Page:
        """`notice`: of its words, `cancel.<notice>`."""
        return Page("cancel.html", {"own": own, "notice": notice, "withdraw": WITHDRAW}, status)
