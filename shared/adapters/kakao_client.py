"""Calling the kakao service: within the caller's time, with a circuit breaker, and again while it is not there."""

import asyncio
import logging
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Final, Protocol

import aiohttp
from azure.core.credentials import AccessToken
from azure.core.exceptions import AzureError
from opentelemetry import trace
from opentelemetry.trace import SpanKind

from shared.adapters.circuit_breaker import CircuitBreaker, CircuitOpen, Inconclusive, Limits, Unreached
from shared.adapters.opening import Opening
from shared.adapters.retry_budget import RetryBudget
from shared.domain.customer import Customer
from shared.domain.errors import KakaoBusy, KakaoRefused, KakaoUnavailable
from shared.domain.identifiers import CustomerId
from shared.domain.kakao_message import KakaoMessageDraft, MessageKind, message_id
from shared.settings import Settings
from shared.telemetry import span, traceparent
from shared.use_cases.deadline import FIRST_PAUSE, LONGEST_PAUSE, RETRY, TIME_LEFT, Deadline

log = logging.getLogger(__name__)

# No customer has this id: it is older than the system.
NOBODY: Final = CustomerId("00000000-0000-7000-8000-000000000000")

# Seconds. A longer Retry-After of kakao is capped at this.
LONGEST_RETRY_AFTER: Final = 3600
# The circuit may close at any moment while a trial runs.
SHORTEST_RETRY_AFTER: Final = 1

# Seconds that the call leaves for storing, though at most a quarter of what is left: enough for a database that is away
# for a moment. Whoever was notified should also be registered.
KEPT_FOR_STORING: Final = 0.5
MOST_KEPT: Final = 0.25
# A call that had less than half of the usual time, because its caller waited for his turn, says nothing about kakao.
FAIR_SHARE: Final = 0.5

# Seconds for which new registrations are refused at once after kakao has taken no more: otherwise each refusal costs
# kakao a call, and at four times what it takes, nearly all calls are refusals. The provider saves up what it does not
# take meanwhile; a longer pause would waste it.
PAUSE_WHILE_BUSY: Final = 0.05

# Seconds before its end at which another token is asked for, as azure-core does for the SDKs.
TOKEN_MARGIN: Final = 300

# 4xx that are not about the request: not signed in, stopped (Azure answers 403), gone or slow.
FAILURES: Final = frozenset({401, 403, 404, 408})
# The other 4xx say that kakao did not begin: only these two leave open whether it has notified somebody.
UNCERTAIN: Final = frozenset({408, 409})
# By which kakao itself says that no message was sent; a platform answers 404 in another form while kakao is not there.
PROBLEM: Final = "application/problem+json"


class Credential(Protocol):
    """Gives access tokens, as the credentials of azure-identity do."""

    async def get_token(self, *scopes: str) -> AccessToken:
        """A token that is valid now. Raises AzureError."""


class _Call:
    """One call, with all its repetitions. `may_be_told`: kakao may have got it, and may have notified the customer."""

    def __init__(self, customer: Customer, end: Deadline, *, is_retry: bool) -> None:
        draft = KakaoMessageDraft.from_record(customer, kind=MessageKind.REGISTERED)
        self.content = draft.model_dump_json(by_alias=True, exclude_none=True)
        self.key = message_id(customer.customer_id, draft.kind)
        self.end = end
        self.is_retry = is_retry
        self.may_be_told = False

    def headers(self) -> dict[str, str]:
        """Those of a repetition that is sent now."""
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": self.key,
            "traceparent": traceparent() or "",
            TIME_LEFT: f"{self.end.left():.3f}",
        }
        return {**headers, RETRY: "?1"} if self.is_retry else headers


class _Failure(Exception):
    """The call failed. `reason` is a word for metrics; `retry_after` is what kakao asked for, in seconds."""

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after


class _Failed(_Failure):
    """kakao answered that it failed, or did not answer in time."""


class _Hurried(_Failure, Inconclusive):
    """No answer in a time that was too short."""


class _Unreached(_Failure, Unreached):
    """Nobody there, or gone without a whole answer. `sent`: kakao may have got the call."""

    def __init__(self, *, sent: bool) -> None:
        super().__init__("no answer")
        self.sent = sent


class KakaoClient:
    """The kakao service over HTTP. One for each process: the breaker keeps its state in it."""

    def __init__(self, settings: Settings, credential: Credential | None = None) -> None:
        """`credential`: gives the tokens of the calls, if KAKAO_API_SCOPE is set."""
        self._settings = settings
        self._credential = credential
        self._token: AccessToken | None = None
        base = str(settings.kakao_api_url).rstrip("/")
        self._url = f"{base}/kakaos"
        self._receipts_url = f"{base}/receipts"
        limits = Limits(
            settings.kakao_breaker_failures,
            settings.kakao_breaker_reset_seconds,
            settings.kakao_breaker_reconnect_seconds,
        )
        self._breaker = CircuitBreaker("kakao", limits)
        self._busy_until = -math.inf
        self._busy_retry_after = 0.0
        self._repeats = RetryBudget(burst=settings.registrations_at_once)
        self._fair_seconds = FAIR_SHARE * min(settings.kakao_timeout_seconds, settings.registration_seconds)
        self._session: aiohttp.ClientSession | None = None
        self._opening = Opening("the connection to kakao", settings.ssak8_warm_start_seconds)

    def open_at_start(self) -> None:
        """Begins to get the token, to connect, and to wake kakao, on the running event loop."""
        self._opening.start(self._wake)

    async def opened(self) -> None:
        """Returns once it is open, or could not be opened within SSAK8_WARM_START_SECONDS of the start."""
        await self._opening.wait()

    async def _wake(self) -> None:
        """Asks for a message that nobody has. The answer, 404, comes once kakao has opened its own database."""
        headers = await self._authorization()
        url = f"{self._url}/{message_id(NOBODY, MessageKind.REGISTERED)}"
        async with self._open().get(url, headers=headers, allow_redirects=False) as response:
            await response.read()
        if response.status != HTTPStatus.NOT_FOUND:
            raise _Failed(f"status {response.status}")

    def check_available(self) -> None:
        """Raises KakaoUnavailable if a call would not be made now, however long its caller waits."""
        try:
            self._breaker.check()
        except CircuitOpen as circuit:
            raise _circuit_open(circuit) from None

    def check_takes_new(self) -> None:
        """Raises KakaoUnavailable as `check_available` does, and KakaoBusy just after kakao has taken no more."""
        self.check_available()
        if asyncio.get_running_loop().time() < self._busy_until:
            raise KakaoBusy("busy", self._busy_retry_after)

    async def notify_registered(self, customer: Customer, deadline: Deadline, *, is_retry: bool = False) -> None:
        """One call, sent again while kakao is not there; it leaves time to store the customer until the deadline.

        Raises KakaoUnavailable, KakaoBusy, KakaoRefused.
        """
        await self.opened()
        with span("POST", SpanKind.CLIENT, http_request_method="POST", url_full=self._url):
            await self._notify(_Call(customer, Deadline.after(self._seconds(deadline)), is_retry=is_retry))

    async def was_told(self, customer_id: CustomerId, deadline: Deadline) -> bool:
        """Whether the customer was notified of the registration. Asks once. Raises KakaoUnavailable."""
        await self.opened()
        end = Deadline.after(min(self._settings.kakao_timeout_seconds, deadline.left()))
        url = f"{self._receipts_url}/{message_id(customer_id, MessageKind.REGISTERED)}"
        with span("GET", SpanKind.CLIENT, http_request_method="GET", url_full=url):
            try:
                async with self._breaker.attempt(KakaoUnavailable):
                    return await self._ask(url, end)
            except CircuitOpen as circuit:
                raise _circuit_open(circuit) from None
            except _Failure as failure:
                raise self._unavailable(failure) from None

    async def _ask(self, url: str, end: Deadline) -> bool:
        with self._timed(end):
            async with asyncio.timeout_at(end.at):
                try:
                    headers = {"traceparent": traceparent() or "", TIME_LEFT: f"{end.left():.3f}"}
                    headers |= await self._authorization()
                    async with self._open().get(url, headers=headers, allow_redirects=False) as response:
                        await response.read()
                except (aiohttp.ClientError, OSError) as error:
                    raise _Unreached(sent=True) from error
                except AzureError as error:
                    raise _Failed("no answer") from error
        trace.get_current_span().set_attribute("http.response.status_code", response.status)
        if response.status == HTTPStatus.NO_CONTENT:
            return True
        if response.status == HTTPStatus.NOT_FOUND and response.content_type == PROBLEM:
            return False
        if response.status == HTTPStatus.TOO_MANY_REQUESTS:
            raise self._unavailable(_Failed("busy", _retry_after(response)))
        raise _Failed("overloaded" if response.status == 503 else "failing", _retry_after(response))

    def _seconds(self, deadline: Deadline) -> float:
        """How long the call may take."""
        left = deadline.left()
        return min(self._settings.kakao_timeout_seconds, left - min(KEPT_FOR_STORING, left * MOST_KEPT))

    async def _notify(self, call: _Call) -> None:
        """Calls until its end. Whatever is repeated had no answer, and has its key."""
        pause = FIRST_PAUSE
        failure: _Failure | None = None
        while True:
            try:
                async with self._breaker.attempt(KakaoRefused, KakaoUnavailable, patience=call.end.left()):
                    await self._attempt(call)
            except CircuitOpen as circuit:
                if failure:
                    raise self._unavailable(failure, may_be_told=call.may_be_told) from None
                raise _circuit_open(circuit) from None
            except _Failure as error:
                failure = error
            else:
                self._repeats.earn()
                return
            if not self._may_repeat(failure) or call.end.left() <= pause:
                raise self._unavailable(failure, may_be_told=call.may_be_told) from None
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _attempt(self, call: _Call) -> None:
        with self._timed(call.end):
            async with asyncio.timeout_at(call.end.at):
                await self._post(call)

    @contextmanager
    def _timed(self, end: Deadline) -> Iterator[None]:
        """A timeout says something about kakao only if the call had a fair share of the usual time."""
        seconds = end.left()
        try:
            yield
        except TimeoutError:
            raise (_Failed if seconds >= self._fair_seconds else _Hurried)("timeout") from None

    def _may_repeat(self, failure: _Failure) -> bool:
        """What was not sent costs kakao nothing. An answer, or none in time, may mean overload: it is not repeated."""
        if not isinstance(failure, _Unreached):
            return False
        return not failure.sent or self._repeats.spend()

    def _unavailable(self, failure: _Failure, *, may_be_told: bool = False) -> KakaoUnavailable:
        retry_after = failure.retry_after or self._settings.kakao_retry_after_seconds
        return KakaoUnavailable(failure.reason, retry_after, may_be_told=may_be_told)

    async def _post(self, call: _Call) -> None:
        headers = call.headers()
        try:
            headers |= await self._authorization()
            response = await self._send_over_open_connection(call, headers)
        except aiohttp.ClientConnectorError as error:
            raise _Unreached(sent=False) from error
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, OSError) as error:
            raise _Unreached(sent=True) from error
        except (aiohttp.ClientError, AzureError) as error:
            raise _Failed("no answer") from error
        self._check(response, call)

    async def _send_over_open_connection(self, call: _Call, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        """Sends at once again what kakao did not answer: it closes an idle connection just as it is used."""
        try:
            return await self._send(call, headers)
        except aiohttp.ClientConnectorError:
            raise
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
            if not self._repeats.spend():
                raise
            return await self._send(call, headers)

    async def _authorization(self) -> dict[str, str]:
        """The token is kept: a credential has one too, but is slow to find it. Without a token the call fails."""
        scope = self._settings.kakao_api_scope
        if scope is None or self._credential is None:
            return {}
        if self._token is None or self._token.expires_on - time.time() < TOKEN_MARGIN:
            self._token = await self._credential.get_token(scope)
        return {"Authorization": f"Bearer {self._token.token}"}

    async def _send(self, call: _Call, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        told_before, call.may_be_told = call.may_be_told, True
        try:
            async with self._open().post(
                self._url, data=call.content, headers=headers, allow_redirects=False
            ) as response:
                await response.read()
        except aiohttp.ClientConnectorError:
            call.may_be_told = told_before
            raise
        if 300 <= response.status < 500 and response.status not in UNCERTAIN:
            call.may_be_told = told_before
        trace.get_current_span().set_attribute("http.response.status_code", response.status)
        return response

    def _check(self, response: aiohttp.ClientResponse, call: _Call) -> None:
        if 200 <= response.status < 300:
            return
        if response.status == 422:
            raise KakaoRefused("KakaoTalk refuses to send a message to this customer; nothing was registered.")
        if response.status == 429:
            raise self._turned_away(response, call)
        if response.status in FAILURES or response.status >= 500:
            raise _Failed("overloaded" if response.status == 503 else "failing", _retry_after(response))
        # Not a failure of kakao: it does not accept how this service calls it.
        log.error("the kakao service answered %d to the message of a registration", response.status)
        raise KakaoUnavailable("not taken", self._settings.kakao_retry_after_seconds, may_be_told=call.may_be_told)

    def _turned_away(self, response: aiohttp.ClientResponse, call: _Call) -> KakaoUnavailable:
        retry_after = _retry_after(response) or self._settings.kakao_retry_after_seconds
        if not call.is_retry:
            self._busy_retry_after = retry_after
            self._busy_until = asyncio.get_running_loop().time() + PAUSE_WHILE_BUSY
        if call.may_be_told:
            return KakaoUnavailable("busy", retry_after, may_be_told=True)
        return KakaoBusy("busy", retry_after)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            connector = aiohttp.TCPConnector(limit=self._settings.registrations_at_once)
            # The caller's timeout covers the whole call, including the wait for a connection.
            timeout = aiohttp.ClientTimeout(total=None)
            self._session = aiohttp.ClientSession(
                connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()
            )
        return self._session

    async def close(self) -> None:
        """Closes the connections; the next call opens others."""
        await self._opening.close()
        session, self._session = self._session, None
        if session:
            await session.close()


def _circuit_open(circuit: CircuitOpen) -> KakaoUnavailable:
    return KakaoUnavailable("circuit open", max(circuit.retry_after, SHORTEST_RETRY_AFTER))


def _retry_after(response: aiohttp.ClientResponse) -> float | None:
    """The seconds kakao asks for; an HTTP date is ignored (RFC 9110 §10.2.3)."""
    text = response.headers.get("Retry-After", "")
    return min(float(text), LONGEST_RETRY_AFTER) if text.isascii() and text.isdigit() else None
