"""Filling the database: copies of a customer, its message and its view, written straight to the local Cosmos DB.

A copy is the stored document with another customer's id, by which all three containers are partitioned; nothing here
knows what else is stored. Outbox events are not copied, so nothing is published. The requests are Cosmos DB's own REST,
with one signature for all creates in a container, since the SDK would take three times as long.
"""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote

import uvloop

from local_azure.stack import Stack
from shared.domain.documents import DocumentKind
from shared.domain.identifiers import new_uuid7
from shared.resources import DATABASE
from tools.bench.figures import counted
from tools.bench.generator import closed_loop
from tools.bench.generator.plan import Call, Plan
from tools.bench.load import LoadError

API_VERSION = "2018-12-31"
AT_ONCE = 16
SECONDS = 3600.0  # a limit that nobody reaches: 300,000 documents need about two minutes
SIGNED_FOR_DOCUMENTS = 50_000  # a signature is valid for 15 minutes, and these are written in one


def fill(stack: Stack, customer_id: str, templates: Mapping[str, list[dict[str, Any]]], copies: int) -> None:
    """Writes this many copies of a customer's documents. `templates`: as stored, by container. Raises LoadError."""
    ids = [new_uuid7() for _ in range(copies)]
    account = connection(stack.connection_string("cosmos"))
    for container, documents in templates.items():
        url = f"{account['AccountEndpoint'].rstrip('/')}/dbs/{DATABASE}/colls/{container}/docs"
        for document in documents:
            if document.get("type") == DocumentKind.EVENT:
                continue
            requests = creates(url, customer_id, document, account["AccountKey"], ids)
            plan = Plan(Call([url], "POST"), SECONDS, users=AT_ONCE)
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                result = runner.run(closed_loop.run(plan, requests))
            if result.failures:
                raise LoadError(f"filling {container} failed: {counted(result.failures)}")


def creates(url: str, customer_id: str, document: Mapping[str, Any], key: str, ids: Sequence[str]) -> Iterator[bytes]:
    """The requests that create the copies, each for one of the customers `ids`. `key`: the account's, in base64."""
    template = json.dumps({name: value for name, value in document.items() if not name.startswith("_")})
    host, _, path = url.removeprefix("http://").partition("/")
    head = b""
    for number, new in enumerate(ids):
        if number % SIGNED_FOR_DOCUMENTS == 0:
            head = _head(host, path, key)
        body = template.replace(customer_id, new).encode()
        key_header = f'x-ms-documentdb-partitionkey: ["{new}"]\r\n'
        yield head + f"{key_header}Content-Length: {len(body)}\r\n\r\n".encode() + body


def _head(host: str, path: str, key: str) -> bytes:
    date = format_datetime(datetime.now(UTC), usegmt=True)
    token = authorization(key, path.removesuffix("/docs"), date)
    return (
        f"POST /{path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        f"x-ms-version: {API_VERSION}\r\nx-ms-date: {date}\r\nAuthorization: {token}\r\n"
    ).encode()


def authorization(key: str, resource: str, date: str) -> str:
    """The token for creating documents in a container ("Access control on Azure Cosmos DB resources", Microsoft)."""
    text = f"post\ndocs\n{resource}\n{date.lower()}\n\n"
    signature = base64.b64encode(hmac.new(base64.b64decode(key), text.encode(), hashlib.sha256).digest()).decode()
    return quote(f"type=master&ver=1.0&sig={signature}", safe="")


def connection(text: str) -> dict[str, str]:
    """The parts of a connection string."""
    return dict(part.split("=", 1) for part in text.split(";") if part)
