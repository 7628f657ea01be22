"""What operators do for customers: find one, see the record, reveal it for a reason, cancel. The apps record it all."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, Final

from shared.domain.access_record import Reason
from shared.domain.identifiers import CustomerId, parse_customer_id
from web.operator_sessions import OperatorSession, OperatorSessions
from web.pages.operator_problems import problem_of_operators
from web.pages.own import UnexpectedAnswer, is_down
from web.ports import Answered, Apps, AppsUnavailable, Calling
from web.visit import Answer, Page, Visit

REASONS: Final = tuple(reason.value for reason in Reason)
CANCELED: Final = "canceled"
REGISTERED: Final = "registered"
PENDING: Final = "pending"
# Of a search box. Longer is neither an id nor a phone number.
LONGEST_QUERY: Final = 100

type Details = Mapping[str, Any]


class _Instead(Exception):
    """Another page is the answer."""

    def __init__(self, page: Page) -> None:
        super().__init__(page.template)
        self.page = page


type _Method = Callable[["OperatorPages", Visit], Awaitable[Answer]]


def _page(method: _Method) -> _Method:
    @wraps(method)
    async def answer(pages: "OperatorPages", visit: Visit) -> Answer:
        try:
            return await method(pages, visit)
        except _Instead as instead:
            return instead.page

    return answer


@dataclass(frozen=True)
class _Call:
    """One operator's calls of the other apps. `forget`: ends the session in the browser."""

    apps: Apps
    operator: OperatorSession
    calling: Calling
    forget: str

    async def get(self, path: str) -> Answered:
        """Raises _Instead unless it is an answer about what was asked for."""
        return await self._checked(self.apps.get(self.calling, path), "unavailable")

    async def search(self, path: str, body: Details) -> Answered:
        """A POST that changes nothing. Raises _Instead unless it is an answer about what was asked for."""
        return await self._checked(self.apps.send(self.calling, "POST", path, body), "unavailable")

    async def delete(self, path: str) -> Answered:
        """Raises _Instead unless it is an answer about what was asked for. Without one it may have been deleted."""
        return await self._checked(self.apps.send(self.calling, "DELETE", path), "unknown")

    def page(self, template: str, values: Details, status: int = 200) -> Page:
        return Page(f"operators/{template}", {**values, "operator": self.operator.name, "is_signed_in": False}, status)

    def problem(self, name: str, status: int, headers: Mapping[str, str] | None = None) -> Page:
        return problem_of_operators(name, status, headers, operator=self.operator.name)

    async def _checked(self, asking: Awaitable[Answered], down: str) -> Answered:
        """`down`: the problem while the app does not answer as it should."""
        try:
            answered = await asking
        except AppsUnavailable:
            raise _Instead(self.problem(down, 503)) from None
        if answered.status == 401:
            raise _Instead(signed_out_page("expired", self.forget))
        if answered.status == 403:
            raise _Instead(self.problem("no-role", 403))
        if is_down(answered):
            seconds = answered.headers.get("Retry-After")
            raise _Instead(self.problem(down, 503, {"Retry-After": seconds} if seconds else {}))
        if answered.status >= 500:
            raise UnexpectedAnswer(answered, self.problem("failed", 500))
        return answered


def signed_out_page(why: str = "", forget: str = "") -> Page:
    """The page with the link to sign in. `why`: of its words; `forget`: a Set-Cookie text."""
    status, headers = (401, {"WWW-Authenticate": "Bearer"}) if why == "expired" else (200, {})
    values = {"why": why, "operator": "", "is_signed_in": False}
    return Page("operators/sign_in.html", values, status, headers, (forget,) if forget else ())


@dataclass(frozen=True)
class OperatorPages:
    """The pages below /operators. Whoever has not signed in gets the link to do so."""

    apps: Apps
    sessions: OperatorSessions

    @_page
    async def home(self, visit: Visit) -> Answer:
        """GET /operators: the search."""
        return self._call(visit).page("search.html", {"query": "", "wrong": "", "found": None})

    @_page
    async def search(self, visit: Visit) -> Answer:
        """POST /operators/search: by the id or the whole phone number, which never stands in a URL."""
        call, query = self._call(visit), visit.form.get("query", "").strip()
        if not query or len(query) > LONGEST_QUERY:
            return _searched(call, query[:LONGEST_QUERY], wrong="empty" if not query else "invalid")
        if customer_id := parse_customer_id(query.lower()):
            found = await _find(call, customer_id)
            return _searched(call, query, found=[found] if found else [])
        answered = await call.search("/customers/search", {"customerPhone": query})
        if answered.status != 200:
            return _searched(call, query, wrong="invalid")
        customers = _embedded(answered, "customers")
        return _searched(call, query, found=[{**customer, "state": REGISTERED} for customer in customers])

    @_page
    async def show(self, visit: Visit) -> Answer:
        """GET /operators/customers/{id}: masked, with what KakaoTalk said."""
        call, customer_id = self._call_about(visit)
        return await _record(call, customer_id)

    @_page
    async def reveal(self, visit: Visit) -> Answer:
        """POST /operators/customers/{id}: whole, for a reason, once. There is no address that shows it again."""
        call, customer_id = self._call_about(visit)
        reason = visit.form.get("reason", "")
        if reason not in REASONS:
            return await _record(call, customer_id, wrong="reason")
        answered = await call.get(f"/customers/{customer_id}?reveal=true&reason={reason}")
        if answered.status != 200:
            return call.problem("not-found", 404)
        return call.page("revealed.html", {"customer": {**answered.body, "state": REGISTERED}, "reason": reason})

    @_page
    async def ask_to_cancel(self, visit: Visit) -> Answer:
        """GET /operators/customers/{id}/cancel: asks first."""
        call, customer_id = self._call_about(visit)
        customer = await _find(call, customer_id)
        if customer is None or customer["state"] not in (REGISTERED, PENDING):
            return call.problem("not-found", 404)
        return call.page("cancel.html", {"customer": customer})

    @_page
    async def cancel(self, visit: Visit) -> Answer:
        """POST /operators/customers/{id}/cancel: a pending registration is withdrawn."""
        call, customer_id = self._call_about(visit)
        answered = await call.delete(f"/customers/{customer_id}")
        if answered.status != 204:
            return call.problem("not-found" if answered.status == 404 else "changed", answered.status)
        return call.page("canceled.html", {"id": customer_id})

    def _call(self, visit: Visit) -> _Call:
        """Raises _Instead for whoever has not signed in."""
        operator = self.sessions.of(visit.origin, visit.request.headers.get("cookie"))
        if operator is None:
            # Whoever sends a form had signed in, and has to know that nothing was done.
            was_sent = visit.request.method == "POST"
            raise _Instead(signed_out_page("expired" if was_sent else visit.done.value if visit.done else ""))
        forwarded_for = visit.request.headers.get("x-forwarded-for", "")
        return _Call(self.apps, operator, Calling(operator.token, forwarded_for), self.sessions.end(visit.origin))

    def _call_about(self, visit: Visit) -> tuple[_Call, CustomerId]:
        """Raises _Instead too for what cannot be an id, so nothing else gets into the path of a call."""
        call, customer_id = self._call(visit), parse_customer_id(visit.request.route_params.get("id", ""))
        if customer_id is None:
            raise _Instead(call.problem("not-found", 404))
        return call, customer_id


def _searched(call: _Call, query: str, *, wrong: str = "", found: Sequence[Details] | None = None) -> Page:
    values = {"query": query, "wrong": wrong, "found": found}
    return call.page("search.html", values, 422 if wrong else 200)


async def _find(call: _Call, customer_id: CustomerId) -> Details | None:
    """The masked customer, or what is left of one, or a registration; with its `state`.

    The write model is asked first: the view may still show one who has cancelled.
    """
    customer = await call.get(f"/customers/{customer_id}")
    if customer.status == 200:
        return {**customer.body, "state": REGISTERED}
    view = await call.get(f"/customerViews/{customer_id}")
    if view.status == 200:
        return {"id": customer_id, "state": CANCELED, **_times(view.body)}
    registration = await call.get(f"/registrations/{customer_id}")
    if registration.status == 200:
        return {**registration.body, "state": str(registration.body.get("status"))}
    return None


def _times(body: Details) -> Details:
    return {name: body[name] for name in ("registeredAt", "updatedAt", "canceledAt") if name in body}


async def _record(call: _Call, customer_id: CustomerId, wrong: str = "") -> Page:
    customer = await _find(call, customer_id)
    if customer is None:
        return call.problem("not-found", 404)
    values = {"customer": customer, "messages": await _messages(call, customer_id), "reasons": REASONS, "wrong": wrong}
    return call.page("customer.html", values, 422 if wrong else 200)


async def _messages(call: _Call, customer_id: CustomerId) -> Sequence[Details] | None:
    """What KakaoTalk said; None while that cannot be read: the rest of the page can."""
    try:
        answered = await call.get(f"/customerViews/{customer_id}/messages")
    except _Instead as instead:
        if instead.page.status == 503:
            return None
        raise
    except UnexpectedAnswer:
        return None
    return _embedded(answered, "kakaos")


def _embedded(answered: Answered, collection: str) -> Sequence[Details]:
    found = answered.body.get("_embedded", {}).get(collection, [])
    return [each for each in found if isinstance(each, Mapping)]
