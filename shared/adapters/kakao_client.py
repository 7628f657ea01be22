"""Calling the kakao service: with a timeout, a bulkhead and a circuit breaker."""

import asyncio
import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final, Protocol

import aiohttp
from azure.core.credentials import AccessToken
from azure.core.exceptions import AzureError
from opentelemetry import trace
from opentelemetry.trace import SpanKind

from shared.adapters.bulkhead import Bulkhead, BulkheadFull
from shared.adapters.circuit_breaker import CircuitBreaker, CircuitOpen
from shared.adapters.opening import Opening
from shared.domain.customer import Customer
from shared.domain.errors import KakaoRefused, KakaoUnavailable
from shared.domain.identifiers import CustomerId
from shared.domain.kakao_message import KakaoMessageDraft, MessageKind, message_id
from shared.settings import Settings
from shared.telemetry import span, traceparent

log = logging.getLogger(__name__)

# No customer has this id: it is older than the system.
NOBODY: Final = CustomerId("00000000-0000-7000-8000-000000000000")

# Seconds. A longer Retry-After of kakao is capped at this.
LONGEST_RETRY_AFTER: Final = 3600
# The circuit may close at any moment while a trial runs.
SHORTEST_RETRY_AFTER: Final = 1

# 4xx that are not about the request: not signed in, stopped (Azure answers 403), gone, slow or overloaded.
FAILURES: Final = frozenset({401, 403, 404, 408, 429})


class Credential(Protocol):
    """Gives access tokens, as the credentials of azure-identity do."""

    async def get_token(self, *scopes: str) -> AccessToken:
        """A token that is valid now. Raises AzureError."""


class _Failed(Exception):
    """The call failed. `reason` is a word for metrics; `retry_after` is what kakao asked for, in seconds."""

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after


class KakaoClient:
    """The kakao service over HTTP. One for each process: breaker and bulkhead keep their state in it."""

    def __init__(self, settings: Settings, credential: Credential | None = None) -> None:
        """`credential`: gives the token for each call, if KAKAO_API_SCOPE is set."""
        self._settings = settings
        self._credential = credential
        self._url = f"{str(settings.kakao_api_url).rstrip('/')}/kakaos"
        self._bulkhead = Bulkhead(settings.kakao_concurrent_calls, settings.kakao_waiting_calls)
        self._breaker = CircuitBreaker("kakao", settings.kakao_breaker_failures, settings.kakao_breaker_reset_seconds)
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

    async def notify_registered(self, customer: Customer) -> None:
        """One call, within the kakao timeout, which begins once the client is open.

        Raises KakaoUnavailable, KakaoRefused.
        """
        await self.opened()
        with span("POST", SpanKind.CLIENT, http_request_method="POST", url_full=self._url):
            await self._notify(customer)

    async def _notify(self, customer: Customer) -> None:
        retry_after = self._settings.kakao_retry_after_seconds
        try:
            async with (
                asyncio.timeout(self._settings.kakao_timeout_seconds),
                self._bulkhead.slot(),
                self._breaker.attempt(KakaoRefused, KakaoUnavailable),
            ):
                await self._post(customer)
        except BulkheadFull:
            raise KakaoUnavailable("overloaded", retry_after) from None
        except CircuitOpen as circuit:
            raise KakaoUnavailable("circuit open", max(circuit.retry_after, SHORTEST_RETRY_AFTER)) from None
        except TimeoutError:
            raise KakaoUnavailable("timeout", retry_after) from None
        except _Failed as failure:
            raise KakaoUnavailable(failure.reason, failure.retry_after or retry_after) from None

    async def _post(self, customer: Customer) -> None:
        draft = KakaoMessageDraft.from_record(customer, kind=MessageKind.REGISTERED)
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": message_id(customer.customer_id, draft.kind),
            "traceparent": traceparent() or "",
        }
        content = draft.model_dump_json(by_alias=True)
        try:
            headers |= await self._authorization()
            try:
                response = await self._send(content, headers)
            except aiohttp.ServerDisconnectedError:
                # kakao closed an idle connection just as it was used. The key makes sending again harmless.
                response = await self._send(content, headers)
        except (aiohttp.ClientError, AzureError, OSError) as error:
            raise _Failed("no answer") from error
        self._check(response)

    async def _authorization(self) -> dict[str, str]:
        """The credential caches its token while it is valid. Without a token the call fails."""
        scope = self._settings.kakao_api_scope
        if scope is None or self._credential is None:
            return {}
        token = await self._credential.get_token(scope)
        return {"Authorization": f"Bearer {token.token}"}

    async def _send(self, content: str, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        async with self._open().post(self._url, data=content, headers=headers, allow_redirects=False) as response:
            await response.read()
        trace.get_current_span().set_attribute("http.response.status_code", response.status)
        return response

    def _check(self, response: aiohttp.ClientResponse) -> None:
        if 200 <= response.status < 300:
            return
        if response.status == 422:
            raise KakaoRefused("KakaoTalk refuses to send a message to this customer; nothing was registered.")
        if response.status in FAILURES or response.status >= 500:
            raise _Failed("overloaded" if response.status in (429, 503) else "failing", _retry_after(response))
        # Not a failure of kakao: it does not accept how this service calls it.
        log.error("the kakao service answered %d to the message of a registration", response.status)
        raise KakaoUnavailable("not taken", self._settings.kakao_retry_after_seconds)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            connector = aiohttp.TCPConnector(limit=self._settings.kakao_concurrent_calls)
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


def _retry_after(response: aiohttp.ClientResponse) -> float | None:
    """The seconds kakao asks for; an HTTP date is ignored (RFC 9110 §10.2.3)."""
    text = response.headers.get("Retry-After", "")
    return min(float(text), LONGEST_RETRY_AFTER) if text.isascii() and text.isdigit() else None
