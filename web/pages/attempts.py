"""The attempt to sign in that a browser comes back with."""

import hmac

from web.cookies import SealedCookie
from web.ports import SignInAttempt
from web.visit import Visit


def attempt_of(visit: Visit, cookie: SealedCookie) -> SignInAttempt | None:
    """The one that this browser has begun, if the issuer's answer belongs to it (`state`, RFC 6749 §10.12)."""
    sealed = cookie.open(visit.origin, visit.request.headers.get("cookie"))
    state = visit.request.params.get("state", "").encode("utf-8", "replace")
    if sealed is None or not hmac.compare_digest(sealed["state"].encode(), state):
        return None
    return SignInAttempt(**sealed)
