"""What operators get to see, and that it is recorded. To anybody else everything is shown, and nothing is recorded.

Masked unless they ask for one resource whole, and say why: `?reveal=true&reason=complaint`.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import azure.functions as func

from shared.domain.access_record import Access, Action, Reason, Target
from shared.domain.callers import Anybody, Caller, Operator
from shared.domain.identifiers import CustomerId
from shared.domain.masking import masked_address, masked_age, masked_name, masked_phone_number
from shared.http.hal import Properties
from shared.http.problems import InvalidField, Problem
from shared.use_cases.recording import RecordAccess, Visitor

UNKNOWN_ADDRESS: Final = "unknown"
"""Where a call came from that did not pass the gateway, which is possible on a laptop."""

MASKED: Final[Mapping[str, Callable[[Any], str]]] = {
    "customerName": masked_name,
    "customerPhone": masked_phone_number,
    "customerAddress": masked_address,
    "customerAge": masked_age,
}

SHOWN: Final = frozenset(
    {
        *("id", "customerId", "version", "status", "reason"),
        *("registeredAt", "updatedAt", "canceledAt", "acceptedAt", "expiresAt"),
        *("kind", "provider", "receipt", "sentAt"),
        *("_links", "page"),
    }
)
"""Properties that say nothing about a person. A property that is in neither is not shown: somebody has to decide."""

_BOOLEANS: Final = {"true": True, "false": False}
_IPV4_AND_PORT: Final = re.compile(r"([0-9.]+):[0-9]{1,5}")
_IPV6_AND_PORT: Final = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::[0-9]{1,5})?")


@dataclass(frozen=True)
class Disclosure:
    """What is shown to the caller of one request. `visitor`: the operator, or None if it is not one.

    `reason`: why the operator needs whole values, or None if masked ones do.
    """

    caller: Caller | Anybody
    record_access: RecordAccess
    visitor: Visitor | None = None
    reason: Reason | None = None

    async def record(self, action: Action, target: Target, customer_ids: Sequence[CustomerId]) -> None:
        """Records what an operator is about to see or to change. Raises StoreUnavailable: then it must not happen."""
        if self.visitor is None:
            return
        revealed = action if self.reason is None else Action.REVEAL
        await self.record_access(Access(revealed, target, customer_ids, self.reason), self.visitor)

    def of(self, body: Properties) -> Properties:
        """The body of an answer, one resource or a page of them, as this caller may see it."""
        return body if self.visitor is None or self.reason else masked(body)


def disclosure(
    request: func.HttpRequest, caller: Caller | Anybody, record_access: RecordAccess, *, may_reveal: bool = False
) -> Disclosure:
    """`may_reveal`: the request reads one resource. Raises Problem 400 for a reveal that is not possible."""
    if not isinstance(caller, Operator):
        return Disclosure(caller, record_access)
    visitor = Visitor(caller.object_id, client_address(request))
    return Disclosure(caller, record_access, visitor, _reason(request, may_reveal=may_reveal))


def _reason(request: func.HttpRequest, *, may_reveal: bool) -> Reason | None:
    revealed = _BOOLEANS.get(request.params.get("reveal", "false"))
    if revealed is None:
        raise _refused("reveal", "must be true or false")
    if not revealed:
        return None
    if not may_reveal:
        raise _refused("reveal", "shows one resource whole, when it is read by its id")
    try:
        return Reason(request.params.get("reason", ""))
    except ValueError:
        raise _refused("reason", f"must be one of {', '.join(Reason)}") from None


def _refused(field: str, reason: str) -> Problem:
    detail = f"The query value {field} {reason}."
    return Problem(400, "query", "Unusable query", detail, errors=[InvalidField(field, reason)])


def masked(body: Properties) -> Properties:
    """One resource, or a page with its resources: everything personal is masked or left out."""
    if "_embedded" not in body:
        return _masked_resource(body)
    embedded = {name: [_masked_resource(each) for each in resources] for name, resources in body["_embedded"].items()}
    return {"_embedded": embedded, **{name: value for name, value in body.items() if name in SHOWN}}


def _masked_resource(properties: Properties) -> Properties:
    shown = {
        name: MASKED[name](value) if name in MASKED else value
        for name, value in properties.items()
        if name in MASKED or name in SHOWN
    }
    # The links stay at the end.
    links = {"_links": shown.pop("_links")} if "_links" in shown else {}
    return {**shown, "masked": True, **links}


def refuse_masked(texts: Mapping[str, object]) -> None:
    """Raises Problem 422 if a masked name or address would be stored, which somebody has read and sends back."""
    errors = [
        InvalidField(name, "is masked: leave it out to keep it as it is")
        for name, value in texts.items()
        if name in MASKED and "*" in str(value)
    ]
    if errors:
        raise Problem(422, "invalid-values", "Invalid values", "Some values are not allowed; see errors.", errors)


def client_address(request: func.HttpRequest) -> str:
    """The IP address of the gateway's client, or UNKNOWN_ADDRESS.

    The gateway replaces the X-Forwarded-For of its client. What stands between it and the app (the front end of App
    Service) appends the gateway's own address, with a port: so the first one is the client's.
    """
    first = (request.headers.get("x-forwarded-for") or "").split(",")[0].strip()
    with_port = _IPV4_AND_PORT.fullmatch(first) or _IPV6_AND_PORT.fullmatch(first)
    try:
        address = ipaddress.ip_address(with_port[1] if with_port else first)
    except ValueError:
        return UNKNOWN_ADDRESS
    if isinstance(address, ipaddress.IPv6Address):
        # Without the name of an interface (RFC 4007 §11), which is free text; an IPv4 client as such (RFC 4291 §2.5.5).
        address = address.ipv4_mapped or ipaddress.IPv6Address(int(address))
    return str(address)
