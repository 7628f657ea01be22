"""The customer's own registration, as the other apps know it."""

import math
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from web.pages.errors import Failed, PageProblem, SessionEnded
from web.ports import Answered, Apps, AppsUnavailable, Calling
from web.visit import Page, Visit

RETRY_AFTER_SECONDS: Final = 5
"""Where no app says when another attempt makes sense."""


class UnexpectedAnswer(Failed):
    """Another app answered that it failed, or what nobody expects. The message names nothing personal."""

    def __init__(self, answered: Answered, page: Page | None = None) -> None:
        super().__init__(f"an app answered {answered.status} {answered.problem}".rstrip())
        self.page = page
        self.status_code = answered.status  # which the log then has


def calling(visit: Visit) -> Calling:
    """The customer who has signed in, to the other apps."""
    if visit.session is None:
        raise TypeError("only for pages of those who have signed in")
    return Calling(visit.session.token, visit.request.headers.get("x-forwarded-for", ""))


def is_down(answered: Answered) -> bool:
    """Whether the app could not do it now: it may be done later, and may even have been done.

    500 is none of these: the app has met something that it cannot do, which trying again does not change.
    """
    return answered.status in (429, 502, 503, 504)


def retry_after(answered: Answered | None = None) -> dict[str, str]:
    """The header that says when to try again: as the app says, or soon."""
    seconds = answered.retry_after if answered else None
    return {"Retry-After": str(max(1, math.ceil(RETRY_AFTER_SECONDS if seconds is None else seconds)))}


async def read(asking: Awaitable[Answered]) -> Answered:
    """An answer of 200 or 404. Raises PageProblem, SessionEnded, UnexpectedAnswer."""
    try:
        answered = await asking
    except AppsUnavailable:
        raise PageProblem(503, "unavailable", retry_after()) from None
    if is_down(answered):
        raise PageProblem(503, "unavailable", retry_after(answered))
    refuse_unknown(answered)
    if answered.status not in (200, 404):
        raise UnexpectedAnswer(answered)
    return answered


def refuse_unknown(answered: Answered) -> None:
    """Raises SessionEnded if the app does not know who calls."""
    if answered.status == 401:
        raise SessionEnded


class State(StrEnum):
    """Of a registration that is there, or was there a moment ago."""

    PENDING = "PENDING"
    REGISTERED = "REGISTERED"
    CANCELED = "CANCELED"


@dataclass(frozen=True)
class Own:
    """`details`: as the API shows them, with `messages`. `etag`: of what is registered."""

    registration_id: str
    state: State
    details: Mapping[str, Any] = field(default_factory=dict, repr=False)
    etag: str = ""

    @property
    def version(self) -> str:
        """What a form was filled in from. An etag alone may be that of an earlier registration too."""
        return f"{self.registration_id} {self.etag}"


@dataclass(frozen=True)
class OwnRegistrations:
    """The read model knows which one is the customer's; what the write model says of it is newer."""

    apps: Apps

    async def find(self, visit: Visit) -> Own | None:
        """None: the customer has none. Raises PageProblem, SessionEnded, UnexpectedAnswer."""
        view = await read(self.apps.get(calling(visit), "/me/registration"))
        if view.status == 404:
            return None
        registration_id = str(view.body["id"])
        if view.body["status"] == State.PENDING:
            return Own(registration_id, State.PENDING, view.body)
        customer = await read(self.apps.get(calling(visit), f"/customers/{registration_id}"))
        if customer.status == 404:
            return Own(registration_id, State.CANCELED)
        details = {**customer.body, "messages": view.body["messages"]}
        return Own(registration_id, State.REGISTERED, details, customer.headers.get("ETag", ""))

    async def found(self, visit: Visit) -> Own | None:
        """The same, but None too for one that was cancelled a moment ago."""
        own = await self.find(visit)
        return None if own and own.state is State.CANCELED else own
