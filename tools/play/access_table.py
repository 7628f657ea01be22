"""Who may call what with ACCESS=customers: each call of the gateway, and what each caller is answered."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tools.play.people import CONSENTING
from tools.play.system import YEON

CALLERS: Final = ("nobody", "no role", "another customer", "an operator", "the customer")
"""`no role`: somebody whom Entra ID knows, but who is no operator. The last is the one whom the calls are about."""


@dataclass(frozen=True)
class Call:
    """`path`: with `{id}` for the customer whom it is about. `expected`: a status for each of CALLERS."""

    method: str
    path: str
    expected: tuple[int, int, int, int, int]
    body: Mapping[str, Any] | None = None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


PUBLIC: Final = (200, 200, 200, 200, 200)
FOR_OPERATORS: Final = (401, 403, 403, 200, 403)
FOR_CUSTOMERS: Final = (401, 403, 200, 403, 200)
OWN: Final = (401, 403, 404, 200, 200)
"""What is somebody else's does not exist for another customer."""

CALLS: Final = (
    Call("GET", "/privacy", PUBLIC),
    Call("GET", "/openapi.json", PUBLIC),
    # Both customers are registered already.
    Call("POST", "/customers", (401, 403, 409, 403, 409), CONSENTING),
    Call("GET", "/customers/{id}", OWN),
    Call("GET", "/registrations/{id}", OWN),
    Call("GET", "/customerViews/{id}", OWN),
    # An operator would write masked values back.
    Call("PUT", "/customers/{id}", (401, 403, 404, 403, 200), YEON),
    Call("PATCH", "/customers/{id}", OWN, {"customerAddress": "seoul"}),
    Call("GET", "/me/registration", FOR_CUSTOMERS),
    Call("GET", "/me/data", FOR_CUSTOMERS),
    Call("GET", "/customers", FOR_OPERATORS),
    Call("GET", "/customerViews", FOR_OPERATORS),
    Call("GET", "/kakaos", FOR_OPERATORS),
    Call("GET", "/kakaos/{id}.registered", FOR_OPERATORS),
    Call("POST", "/customers/search", FOR_OPERATORS, {"customerPhone": "010-0000-0000"}),
    # Only the customer app may, which needs no gateway.
    Call("POST", "/kakaos", (401, 403, 403, 403, 403), {"id": "{id}", "kind": "registered"}),
    # They are no longer pending.
    Call("DELETE", "/registrations/{id}", (401, 403, 404, 409, 409)),
    Call("DELETE", "/customers/{id}", (401, 403, 404, 204, 204)),
)
"""In an order in which each caller can make them all: the last one cancels the registration."""
