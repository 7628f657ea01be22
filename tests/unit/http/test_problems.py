import pytest

from shared.domain.errors import DomainError, Forbidden, Unauthenticated
from shared.http.problems import problem_of


@pytest.mark.parametrize(
    ("error", "status", "challenge"),
    [
        (Unauthenticated("The token has expired."), 401, 'Bearer error="invalid_token"'),
        (Unauthenticated("This is for customers.", token_sent=False), 401, "Bearer"),
        (Forbidden("This is for operators."), 403, 'Bearer error="insufficient_scope"'),
    ],
)
def test_who_is_not_let_in_learns_how_to_be(error: DomainError, status: int, challenge: str) -> None:
    problem = problem_of(error)

    assert (problem.status, problem.detail) == (status, str(error))
    assert problem.headers == {"WWW-Authenticate": challenge}
