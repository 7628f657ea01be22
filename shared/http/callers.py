"""Who calls: from the header with the caller's token, or from what the platform says about another app."""

import re
from collections.abc import Mapping
from typing import Any, Final, Protocol

import azure.functions as func

from shared.domain.callers import (
    Anybody,
    App,
    Caller,
    CustomerSession,
    Nobody,
    Operator,
    Permission,
    belonging_to,
    everything,
    require_app,
    require_customer,
    require_customer_or_operator,
    require_operator,
)
from shared.domain.consent import Consent
from shared.domain.errors import Forbidden

AUTHORIZATION: Final = "ssak8-authorization"
"""The Authorization of the gateway's caller. The gateway signs in to the apps itself, with Authorization."""

PRINCIPAL_ID: Final = "x-ms-client-principal-id"
"""The object id of the identity whose token the platform has verified (Azure App Service, *Work with user identities*).
The platform takes this header off what callers send."""

ANYBODY: Final = Anybody()
_BEARER: Final = re.compile(r"\s*bearer(\s|$)", re.IGNORECASE)


def permission_of(caller: CustomerSession | Operator | Anybody) -> Permission:
    """What the caller may see and change."""
    return belonging_to(caller.owner) if isinstance(caller, CustomerSession) else everything


def consent_shown_to(caller: Caller | Anybody, consent: Consent | None) -> Mapping[str, Any]:
    """The property that a customer's own record has in addition: nobody else sees what a customer consented to."""
    return {"consent": consent.to_json_object()} if isinstance(caller, CustomerSession) and consent else {}


class Verifier(Protocol):
    """Recognises callers by their tokens."""

    async def caller(self, authorization: str | None) -> CustomerSession | Operator | Nobody:
        """Who calls with this Authorization header; None: there is none.

        Raises Unauthenticated, Forbidden, Unavailable.
        """


class Callers:
    """Each method returns who calls. Where access is open, whoever shows no token is Anybody, who may do everything.

    A function calls one of them first: before that nothing is read, stored or told. They raise Unauthenticated,
    Forbidden, Unavailable.
    """

    def __init__(self, verifier: Verifier | None, customer_app_id: str | None, *, is_open: bool) -> None:
        """`is_open`: ACCESS=open; only then `verifier` may be None, and no token is looked at.

        `customer_app_id`: the object id of the customer app's identity.
        """
        self._verifier = verifier
        self._customer_app_id = customer_app_id
        self._is_open = is_open

    async def of(self, request: func.HttpRequest) -> CustomerSession | Operator | Nobody | Anybody:
        """Whoever calls, by the token. Through the gateway every call has the gateway's own identity as well."""
        authorization = request.headers.get(AUTHORIZATION)
        # A token that is not accepted is refused there too: whoever shows one does not want to be anybody.
        if self._verifier is None or (self._is_open and not _BEARER.match(authorization or "")):
            return ANYBODY
        return await self._verifier.caller(authorization)

    async def customer(self, request: func.HttpRequest) -> CustomerSession | Anybody:
        """A customer."""
        caller = await self.of(request)
        return caller if isinstance(caller, Anybody) else require_customer(caller)

    async def operator(self, request: func.HttpRequest) -> Operator | Anybody:
        """An operator."""
        caller = await self.of(request)
        return caller if isinstance(caller, Anybody) else require_operator(caller)

    async def customer_or_operator(self, request: func.HttpRequest) -> CustomerSession | Operator | Anybody:
        """A customer, who may see and change what is their own (`permission_of`), or an operator."""
        caller = await self.of(request)
        return caller if isinstance(caller, Anybody) else require_customer_or_operator(caller)

    async def customer_app(self, request: func.HttpRequest) -> App | Anybody:
        """The app of the customer service, or Anybody where access is open. A token is never as good as that."""
        if self._is_open:
            return ANYBODY
        object_id = request.headers.get(PRINCIPAL_ID)
        caller: Caller | Anybody = App(object_id) if object_id else await self.of(request)
        if isinstance(caller, App) and caller.object_id != self._customer_app_id:
            raise Forbidden("This is for the app of the customer service.")
        return caller if isinstance(caller, Anybody) else require_app(caller)

    async def operator_or_customer_app(self, request: func.HttpRequest) -> Operator | App | Anybody:
        """An operator, or the app of the customer service, which wakes the kakao app with such a call."""
        if not self._is_open and request.headers.get(PRINCIPAL_ID) == self._customer_app_id:
            return await self.customer_app(request)
        return await self.operator(request)
