"""Pages that say what went wrong, and what to do."""

from collections.abc import Mapping

from web.visit import Page, Place


class PageProblem(Exception):
    """The page cannot be shown. `name`: of its words, `errors.<name>.title` and `.text`."""

    def __init__(self, status: int, name: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(name)
        self.status = status
        self.name = name
        self.headers = headers or {}


class SessionEnded(Exception):
    """Nobody is signed in any more where somebody was: nothing was done."""


def problem_page(problem: PageProblem) -> Page:
    return Page("error.html", {"name": problem.name, "trace": ""}, problem.status, problem.headers)


def session_ended_page(*cookies: str) -> Page:
    """403, with a link to sign in. `cookies`: that end the session in the browser too."""
    values = {"name": "session-ended", "trace": "", "to": Place.LOGIN, "is_signed_in": False}
    return Page("error.html", values, 403, cookies=cookies)


def error_page(trace: str) -> Page:
    """500. `trace`: by which an operator finds what happened."""
    return Page("error.html", {"name": "failed", "trace": trace}, 500)
