"""The outermost edge of a page: who visits, in which language, and what every answer has."""

import hmac
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

import azure.functions as func

from shared.failures import describe_failure
from shared.telemetry import continued_trace, mark_failed, span, trace_id
from web.pages.errors import PageProblem, SessionEnded, error_page, problem_page, session_ended_page
from web.rendering import render
from web.sessions import Marks, Sessions
from web.visit import (
    CONTENT_SECURITY_POLICY,
    LONGEST_FORM,
    MEDIA_TYPE_OF_FORMS,
    Answer,
    Download,
    Language,
    Redirect,
    Visit,
)

log = logging.getLogger(__name__)

type Handler = Callable[[Visit], Awaitable[Answer]]
type HttpFunction = Callable[[func.HttpRequest, func.Context], Awaitable[func.HttpResponse]]

SAFE: Final = ("GET", "HEAD")
# The field of a form that says for whom it was made.
MARK: Final = "mark"
EVERYWHERE: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
SESSION_SECONDS: Final = "Session-Seconds"
"""How long the session lasts, on every answer to somebody who has signed in: for the script of the pages."""
# Two years, as browsers ask for it (RFC 6797 §6.1.1).
STRICT_TRANSPORT_SECURITY: Final = "max-age=63072000"


class Edge:
    """Makes functions with an HTTP trigger of the pages' handlers."""

    def __init__(
        self,
        sessions: Callable[[], Sessions],
        marks: Callable[[], Marks],
        origin: Callable[[func.HttpRequest], str],
        signed_in_first: Answer,
    ) -> None:
        """`origin`: of my page, as the browser sees it. `signed_in_first`: for pages of those who have signed in."""
        self._sessions = sessions
        self._marks = marks
        self._origin = origin
        self._signed_in_first = signed_in_first

    def page(self, *, signed_in: bool = False, changes: bool = True) -> Callable[[Handler], HttpFunction]:
        """For a handler. `signed_in`: it is called for customers who have signed in; others are sent to sign in.

        `changes`: its methods that are not safe change something, so they need a form that was sent from here, and was
        made for who is signed in.
        """

        def decorate(handler: Handler) -> HttpFunction:
            # Not functools.wraps: the worker reads the parameters of what it calls, and these are not the handler's.
            async def edge(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
                with continued_trace(context.trace_context.trace_parent), span(str(context.function_name)) as current:
                    visit = Visit(request, preferred_language(request.headers.get("accept-language")))
                    try:
                        visit = self._recognised(visit)
                        is_safe = visit.request.method in SAFE or not changes
                        answer = await self._answer(visit, handler, is_safe=is_safe, signed_in=signed_in)
                        return self._response(visit, answer)
                    except PageProblem as problem:
                        return self._response(visit, problem_page(problem))
                    except SessionEnded:
                        return self._response(visit, session_ended_page(self._sessions().end(visit.origin)))
                    except Exception as error:
                        mark_failed(current, error)
                        log.error("%s: %s trace %s", context.function_name, describe_failure(error), trace_id())  # noqa: TRY400
                        return self._response(visit, error_page(error, trace_id()))

            edge.__name__ = handler.__name__
            edge.__doc__ = handler.__doc__
            return edge

        return decorate

    async def _answer(self, visit: Visit, handler: Handler, *, is_safe: bool, signed_in: bool) -> Answer:
        if is_safe:
            return self._signed_in_first if signed_in and visit.session is None else await handler(visit)
        if not _is_from_here(visit):
            raise PageProblem(403, "foreign")
        _check_form(visit)
        if signed_in and visit.session is None:
            raise SessionEnded
        if signed_in and not _is_for_who_has_signed_in(visit):
            raise PageProblem(409, "sign-in-changed")
        return await handler(visit)

    def _recognised(self, visit: Visit) -> Visit:
        origin = self._origin(visit.request)
        session = self._sessions().of(origin, visit.request.headers.get("cookie"))
        return replace(visit, origin=origin, session=session, mark=self._marks().of(session))

    def _response(self, visit: Visit, answer: Answer) -> func.HttpResponse:
        headers = {**EVERYWHERE, "Cache-Control": "no-store", "Vary": "Accept-Language, Cookie"}
        if visit.origin.startswith("https:"):
            headers["Strict-Transport-Security"] = STRICT_TRANSPORT_SECURITY
        cookies = () if isinstance(answer, Download) else answer.cookies
        left = ""
        if visit.session and not cookies:
            renewed = self._sessions().renew(visit.origin, visit.session) if _is_of_a_person(visit) else None
            cookies = (renewed.cookie,) if renewed else ()
            left = headers[SESSION_SECONDS] = self._sessions().left(renewed.session if renewed else visit.session)
        response = _written(visit, answer, headers, left)
        for text in cookies:
            response.headers.add("Set-Cookie", text)  # one line each: of any other header only the last would be sent
        return response


def _written(visit: Visit, answer: Answer, headers: dict[str, str], session_left: str) -> func.HttpResponse:
    match answer:
        case Redirect():
            headers["Location"] = answer.elsewhere or _location(visit.origin, answer)
            return func.HttpResponse(status_code=302 if answer.elsewhere else 303, headers=headers)
        case Download():
            headers["Content-Disposition"] = f'attachment; filename="{answer.name}"'
            return func.HttpResponse(answer.content, headers=headers, mimetype=answer.media_type, charset="utf-8")
    headers |= {"Content-Language": visit.language.value, **answer.headers}
    own = {
        "is_signed_in": visit.session is not None,
        "session_left": session_left,
        "for_operators": visit.is_for_operators,
        MARK: visit.mark,
    }
    html = render(answer.template, visit.language, {**own, **answer.values})
    return func.HttpResponse(html, status_code=answer.status, headers=headers, mimetype="text/html", charset="utf-8")


def _location(origin: str, answer: Redirect) -> str:
    query = f"?done={answer.done}" if answer.done else ""
    return f"{origin}{answer.to}{query}"


def _is_of_a_person(visit: Visit) -> bool:
    """Whether a person asked, and not a page that loads itself again. Browsers say so (W3C Fetch Metadata)."""
    headers = visit.request.headers
    return bool(headers.get("sec-fetch-mode") != "navigate" or headers.get("sec-fetch-user") == "?1")


def _is_from_here(visit: Visit) -> bool:
    """Whether a form of my page sent it. Browsers say where a request that changes something comes from."""
    headers = visit.request.headers
    if origin := headers.get("origin"):
        return bool(origin == visit.origin)
    return bool(headers.get("sec-fetch-site") == "same-origin")


def _is_for_who_has_signed_in(visit: Visit) -> bool:
    """Whether the form was made for them: in another tab of this browser, somebody else may have opened it."""
    return hmac.compare_digest(visit.form.get(MARK, "").encode(), visit.mark.encode())


def _check_form(visit: Visit) -> None:
    """Raises PageProblem: 413, 415 or 400. Nothing of what is sent is read before."""
    content = visit.request.get_body()
    if len(content) > LONGEST_FORM:
        raise PageProblem(413, "too-large")
    media_type = str(visit.request.headers.get("content-type", "")).partition(";")[0].strip().lower()
    if content and media_type != MEDIA_TYPE_OF_FORMS:
        raise PageProblem(415, "no-form")
    try:
        _ = visit.form
    except ValueError:
        raise PageProblem(400, "unreadable") from None


def preferred_language(accept_language: str | None) -> Language:
    """Korean, unless the browser prefers English (RFC 9110 §12.5.4)."""
    qualities = dict.fromkeys(Language, 0.0)
    for part in (accept_language or "")[:200].lower().split(","):
        name, _, parameter = part.strip().partition(";")
        primary = name.partition("-")[0].strip()
        if primary in qualities:
            qualities[Language(primary)] = max(qualities[Language(primary)], _quality(parameter))
    return Language.ENGLISH if qualities[Language.ENGLISH] > qualities[Language.KOREAN] else Language.KOREAN


def _quality(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if not name:
        return 1.0
    try:
        return min(1.0, max(0.0, float(value))) if name.strip() == "q" else 0.0
    except ValueError:
        return 0.0
