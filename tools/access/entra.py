"""Operators' tokens of the stand-in for Entra ID that a stack runs."""

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from typing import Final

from local_azure.stack import Stack, StackError
from shared.domain.callers import OPERATOR_ROLE
from stand_ins.entra.server import DEFAULT_AUDIENCE, DEFAULT_TENANT, SCOPE_END

SERVICE: Final = "entra"
CALL_SECONDS: Final = 10
"""Far beyond what it takes to sign a token."""


def operator_token(stack: Stack, user: str = "hana", roles: Sequence[str] = (OPERATOR_ROLE,)) -> str:
    """A token for the person with this name, by default an operator's; valid for an hour. Raises StackError."""
    form = [
        ("grant_type", "password"),
        ("client_id", DEFAULT_AUDIENCE),
        ("username", user),
        ("password", "any"),
        ("scope", f"{DEFAULT_AUDIENCE}{SCOPE_END}"),
        *(("role", role) for role in roles),
    ]
    url = f"{stack.url(SERVICE)}/{DEFAULT_TENANT}/oauth2/v2.0/token"
    try:
        with urllib.request.urlopen(url, urllib.parse.urlencode(form).encode(), CALL_SECONDS) as response:  # noqa: S310 an address of the stack
            return str(json.load(response)["access_token"])
    except urllib.error.HTTPError as error:
        with error:
            raise StackError(f"the stand-in for Entra ID answered {error.code}: {error.read().decode()}") from None
    except OSError as error:
        raise StackError(f"the stand-in for Entra ID does not answer at {url}: {error}") from None
