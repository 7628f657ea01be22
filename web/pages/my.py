"""My registration: all that is stored, and what has become of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from web.pages.errors import PageProblem, SessionEnded
from web.pages.own import Own, OwnRegistrations, State, UnexpectedAnswer, calling, is_down, read, retry_after
from web.ports import Apps, AppsUnavailable
from web.visit import Answer, Done, Download, Page, Visit

FILE_NAME: Final = "ssak8-data.json"
SECONDS_BETWEEN_LOOKS: Final = 10
"""How often what is postponed is tried (shared/use_cases/deferred_run.py)."""
ENDS: Final = ("withdrawn", "expired", "refused")
"""How a registration that was postponed may end, other than by registering."""


@dataclass(frozen=True)
class MyRegistration:
    """What the customer has registered."""

    apps: Apps

    async def show(self, visit: Visit) -> Answer:
        """GET /my."""
        own = await OwnRegistrations(self.apps).find(visit)
        is_there = own is not None and own.state is not State.CANCELED
        values = {
            "own": own if is_there else None,
            "done": agreeing(visit.done, own),
            "ended": None if is_there else await self._ended(visit),
            "refresh": SECONDS_BETWEEN_LOOKS,
        }
        return Page("my.html", values)

    async def _ended(self, visit: Visit) -> Mapping[str, str] | None:
        """How the last registration ended, as long as that is stored. Only a comfort, so nothing fails with it."""
        try:
            data = await read(self.apps.get(calling(visit), "/me/data"))
        except (PageProblem, SessionEnded, UnexpectedAnswer):
            return None
        return last_end(data.body.get("documents", []))

    async def download(self, visit: Visit) -> Answer:
        """GET /my/data: everything that is stored, as the customerview app has collected it."""
        try:
            answered, content = await self.apps.download(calling(visit), "/me/data")
        except AppsUnavailable:
            raise PageProblem(503, "unavailable", retry_after()) from None
        if is_down(answered):
            raise PageProblem(503, "unavailable", retry_after(answered))
        match answered.status:
            case 200:
                return Download(content, FILE_NAME, "application/json")
            case 401:
                raise SessionEnded
            case 404:
                raise PageProblem(404, "nothing-stored")
        raise UnexpectedAnswer(answered)


def agreeing(done: Done | None, own: Own | None) -> Done | None:
    """What was done, if what is known now agrees with it: an address can say anything."""
    state = own.state if own else State.CANCELED
    if done is Done.POSTPONED and state is State.REGISTERED:
        return Done.REGISTERED  # meanwhile
    is_so = {
        Done.REGISTERED: state is State.REGISTERED,
        Done.POSTPONED: state is State.PENDING,
        Done.CORRECTED: own is not None and "updatedAt" in own.details,
        Done.CANCELED: state is State.CANCELED,
        Done.WITHDRAWN: state is State.CANCELED,
    }
    return done if done and is_so.get(done) else None


def last_end(documents: Iterable[Mapping[str, Any]]) -> Mapping[str, str] | None:
    """`how` the last registration ended, and when: `at`; None for one that has not, or of which nothing is stored."""
    ends = [end for each in documents if (end := _end(each["kind"], each["content"]))]
    return max(ends, key=lambda end: end["at"], default=None)


def _end(kind: str, content: Mapping[str, Any]) -> dict[str, str] | None:
    if kind == "cancellation":
        return {"how": "canceled", "at": content["canceledAt"]}
    if kind == "registration" and content["status"] in ENDS:
        # Nobody stores when it was refused or expired.
        return {"how": content["status"], "at": content.get("withdrawnAt") or content["acceptedAt"]}
    return None
