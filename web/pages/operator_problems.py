"""Pages that tell operators what went wrong, and what to do."""

from collections.abc import Mapping

from web.visit import Page


def problem_of_operators(
    name: str, status: int, headers: Mapping[str, str] | None = None, cookies: tuple[str, ...] = (), operator: str = ""
) -> Page:
    """`name`: of its words, `operators.problems.<name>.title` and `.text`. `operator`: who has signed in."""
    values = {"name": name, "operator": operator, "is_signed_in": False}
    return Page("operators/problem.html", values, status, headers or {}, cookies)
