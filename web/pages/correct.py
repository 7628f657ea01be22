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
VERSION: Final = "version"
"""What the form was filled in from."""


@dataclass(frozen=True)
class Correct:
    """One field for the address here: nobody knows where the stored one was put together."""

    apps: Apps

    async def ask(self, visit: Visit) -> Answer:
        """GET /my/registration/edit: the form with what is stored."""
        own = await self._own(visit)
        return self._page(_typed(own), own.version)

    async def send(self, visit: Visit) -> Answer:
        """POST /my/registration/edit. Whatever does not work, what was typed is kept."""
        version, typed = visit.form.get(VERSION, ""), {name: visit.form.get(name, "") for name in FIELDS}
        try:
            return await self._send(visit, version, typed)
        except AppsUnavailable:
            return self._later(typed, version)
        except PageProblem as problem:
            if problem.status != 503:
                raise
            return replace(self._later(typed, version), headers=problem.headers)
        except UnexpectedAnswer as error:
            error.page = self._page(typed, version, notice="failed")
            raise

    async def _send(self, visit: Visit, version: str, typed: Mapping[str, str]) -> Answer:
        """Only what has changed is checked, and sent."""
        own = await self._own(visit)
        stored = _typed(own)
        sent = sent_details(typed, typed[ADDRESS])
        changed = {name: text for name in FIELDS if (text := sent.get(name, "")) != stored[name]}
        if not changed and version != own.version:
            return Redirect(Place.MY, Done.CORRECTED)  # it was sent twice, and the first one was taken
        if not changed:
            return self._page(stored, own.version, notice="unchanged")
        if version != own.version:
            return self._page(stored, own.version, notice="changed", status=412)
        if errors := [each for each in in_order(wrong_details(sent, FIELDS), FIELDS) if each.field in changed]:
            return self._page(typed, version, errors, status=422)
        path = f"/customers/{own.registration_id}"
        answered = await self.apps.send(calling(visit), "PATCH", path, changed, {"If-Match": own.etag})
        return await self._after(visit, typed, version, answered)

    async def _own(self, visit: Visit) -> Own:
        own = await OwnRegistrations(self.apps).found(visit)
        if own is None:
            raise PageProblem(404, "no-registration")
        if own.state is State.PENDING:
            raise PageProblem(409, "pending")
        return own

    async def _after(self, visit: Visit, typed: Mapping[str, str], version: str, answered: Answered) -> Answer:
        refuse_unknown(answered)
        if is_down(answered):
            return self._later(typed, version, answered)
        match answered.status, answered.problem:
            case 200, _:
                return Redirect(Place.MY, Done.CORRECTED)
            case 404, _:
                raise PageProblem(404, "no-registration")
            case 412, _:
                newest = await self._own(visit)
                return self._page(_typed(newest), newest.version, notice="changed", status=412)
            case 422, "too-young":
                return self._page(typed, version, [FieldError(AGE, f"wrong.{AGE}.too-young")], status=422)
            case 422, "invalid-values":
                errors = in_order(refused_details(answered), FIELDS)
                return self._page(typed, version, errors, notice="" if errors else "refused", status=422)
        raise UnexpectedAnswer(answered)

    def _later(self, typed: Mapping[str, str], version: str, answered: Answered | None = None) -> Page:
        page = self._page(typed, version, notice="unknown", status=503)
        return replace(page, headers=retry_after(answered))

    def _page(
        self,
        typed: Mapping[str, str],
        version: str,
        errors: Sequence[FieldError] = (),
        *,
        notice: str = "",
        status: int = 200,
    ) -> Page:
        """`notice`: of its words, `correct.<notice>`."""
        values = {"typed": typed, VERSION: version, "errors": errors, "notice": notice}
        return Page("correct.html", values, status)


def _typed(own: Own) -> dict[str, str]:
    """What is stored, as it would be typed."""
    return {name: str(own.details.get(name, "")) for name in FIELDS}
