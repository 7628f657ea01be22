"""Pages that say what went wrong, and what to do."""

from collections.abc import Mapping
from dataclasses import replace

from web.visit import Page, Place


class PageProblem(Exception):
    """The page cannot be shown. `name`: of its words, `errors.<name>.title` and `.text`."""

    def __init__(self, status: int, name: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(name)
        self.status = status
        self.name = name
        self.headers = headers or {}


class Failed(Exception):
    """The fault is ours. `page`: keeps what was typed, and gets the trace id; None: the one that only says so."""

    page: Page | None = None


class SessionEnded(Exception):
    """Nobody is signed in any more where somebody was: nothing was done."""


def problem_page(problem: PageProblem) -> Page:
    return Page("error.html", {"name": problem.name, "trace": ""}, problem.status, problem.headers)


def session_ended_page(*cookies: str) -> Page:
    """403, with a link to sign in. `cookies`: that end the session in the browser too."""
    values = {"name": "session-ended", "trace": "", "to": Place.LOGIN, "is_signed_in": False}
    return Page("error.html", values, 403, cookies=cookies)


def error_page(error: Exception, trace: str) -> Page:
    """500. `trace`: by which an operator finds what happened."""
    page = error.page if isinstance(error, Failed) and error.page else Page("error.html", {"name": "failed"})
    return replace(page, values={**page.values, "trace": trace}, status=500)
