"""Correcting what is registered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from web.pages.errors import PageProblem
from web.pages.fields import (
    ADDRESS,
    AGE,
    NAME,
    PHONE,
    FieldError,
    in_order,
    refused_details,
    sent_details,
    wrong_details,
)
from web.pages.own import Own, OwnRegistrations, State, UnexpectedAnswer, calling, is_down, refuse_unknown, retry_after
from web.ports import Answered, Apps, AppsUnavailable
from web.visit import Answer, Done, Page, Place, Redirect, Visit

FIELDS: Final = (NAME, PHONE, AGE, ADDRESS)


@dataclass(frozen=True)
class Correct:
    """One field for the address here: nobody knows where the stored one was put together."""

    apps: Apps

    async def ask(self, visit: Visit) -> Answer:
        """GET /my/registration/edit: the form with what is stored."""
        own = await self._own(visit)
        return self._page(_typed(own), own.etag)

    async def send(self, visit: Visit) -> Answer:
        """POST /my/registration/edit. Only what has changed is checked, and sent."""
        own, form = await self._own(visit), visit.form
        stored, typed = _typed(own), {name: form.get(name, "") for name in FIELDS}
        sent = sent_details(typed, typed[ADDRESS])
        changed = {name: text for name in FIELDS if (text := sent.get(name, "")) != stored[name]}
        if not changed:
            # With another etag it was sent twice, and the first one was taken.
            is_same = form.get("etag") == own.etag
            return self._page(stored, own.etag, notice="unchanged") if is_same else Redirect(Place.MY, Done.CORRECTED)
        if form.get("etag") != own.etag:
            return self._page(stored, own.etag, notice="changed", status=412)
        if errors := [each for each in in_order(wrong_details(sent, FIELDS), FIELDS) if each.field in changed]:
            return self._page(typed, own.etag, errors, status=422)
        path = f"/customers/{own.registration_id}"
        try:
            answered = await self.apps.send(calling(visit), "PATCH", path, changed, {"If-Match": own.etag})
        except AppsUnavailable:
            return self._later(typed, own.etag)
        return await self._after(visit, typed, own.etag, answered)

    async def _own(self, visit: Visit) -> Own:
        own = await OwnRegistrations(self.apps).found(visit)
        if own is None:
            raise PageProblem(404, "no-registration")
        if own.state is State.PENDING:
            raise PageProblem(409, "pending")
        return own

    async def _after(self, visit: Visit, typed: Mapping[str, str], etag: str, answered: Answered) -> Answer:
        refuse_unknown(answered)
        if is_down(answered):
            return self._later(typed, etag, answered)
        match answered.status, answered.problem:
            case 200, _:
                return Redirect(Place.MY, Done.CORRECTED)
            case 404, _:
                raise PageProblem(404, "no-registration")
            case 412, _:
                newest = await self._own(visit)
                return self._page(_typed(newest), newest.etag, notice="changed", status=412)
            case 422, "too-young":
                return self._page(typed, etag, [FieldError(AGE, f"wrong.{AGE}.too-young")], status=422)
            case 422, "invalid-values":
                errors = in_order(refused_details(answered), FIELDS)
                return self._page(typed, etag, errors, notice="" if errors else "refused", status=422)
        raise UnexpectedAnswer(answered)

    def _later(self, typed: Mapping[str, str], etag: str, answered: Answered | None = None) -> Answer:
        page = self._page(typed, etag, notice="unknown", status=503)
        return replace(page, headers=retry_after(answered))

    def _page(
        self,
        typed: Mapping[str, str],
        etag: str,
        errors: Sequence[FieldError] = (),
        *,
        notice: str = "",
        status: int = 200,
    ) -> Page:
        """`notice`: of its words, `correct.<notice>`."""
        values = {"typed": typed, "etag": etag, "errors": errors, "notice": notice}
        return Page("correct.html", values, status)


def _typed(own: Own) -> dict[str, str]:
    """What is stored, as it would be typed."""
    return {name: str(own.details.get(name, "")) for name in FIELDS}
