"""Who calls, and what they get to see."""

import time
from functools import cache

import azure.functions as func

from shared import metrics
from shared.adapters.issuer_keys import CachedIssuer, OpenIdIssuer
from shared.adapters.tokens import Expected, TokenVerifier
from shared.domain.callers import Anybody, Caller
from shared.domain.identifiers import new_uuid7, utc_now
from shared.http.callers import Callers
from shared.http.operators import Disclosure, disclosure
from shared.session_keys import read_public_keys
from shared.settings import Access, settings
from shared.use_cases.recording import RecordAccess
from shared.wiring import stores


@cache
def callers() -> Callers:
    """Who calls. With ACCESS=open nobody has to say so, and without keys for tokens nobody can."""
    chosen = settings()
    verifier = token_verifier() if chosen.callers_are_known else None
    return Callers(verifier, chosen.customer_app_id, is_open=chosen.access is Access.OPEN)


@cache
def token_verifier() -> TokenVerifier:
    """Only where callers are known, for which the settings have checked that all of these are set."""
    chosen = settings()
    return TokenVerifier(
        Expected(_set(chosen.session_issuer), _set(chosen.session_audience)),
        read_public_keys(_set(chosen.session_public_keys)),
        Expected(_set(chosen.operator_issuer), _set(chosen.operator_audience)),
        CachedIssuer(entra_id(), "Entra ID", time.monotonic),
    )


@cache
def entra_id() -> OpenIdIssuer:
    return OpenIdIssuer(_set(settings().operator_issuer), settings().operator_keys_timeout_seconds)


def _set(value: str | None) -> str:
    if value is None:
        raise TypeError("only where callers are known is this setting needed")
    return value


def disclosure_to(caller: Caller | Anybody, request: func.HttpRequest, *, may_reveal: bool = False) -> Disclosure:
    """What the caller of this request gets to see. `may_reveal`: it reads one resource. Raises Problem 400."""
    return disclosure(request, caller, record_access(), may_reveal=may_reveal)


@cache
def record_access() -> RecordAccess:
    return RecordAccess(stores.access_records(), utc_now, new_uuid7, metrics.count_access)
