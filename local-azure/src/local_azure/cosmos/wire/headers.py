"""Reads the headers and bodies of requests, and makes the headers of responses about items."""

import json
from typing import Any

from local_azure.cosmos import errors
from local_azure.cosmos.limits import DEFAULT_PAGE_SIZE, DYNAMIC_PAGE_SIZE, MAX_ITEM_BYTES, MAX_NESTING
from local_azure.cosmos.store import partition_keys
from local_azure.cosmos.store.change_feed import WHOLE, FeedRange
from local_azure.cosmos.store.containers import Container
from local_azure.cosmos.store.items import Precondition
from local_azure.cosmos.wire.messages import Request

PARTITION_KEY_RANGE = "0"
"""The only physical partition of every container: the SDKs need no query plans, and merge no results."""

PARTITION_KEY = "x-ms-documentdb-partitionkey"


def flag(request: Request, name: str) -> bool:
    return request.headers.get(name, "").lower() == "true"


def wants_no_content(request: Request) -> bool:
    return request.headers.get("prefer", "").lower() == "return=minimal"


def precondition(request: Request) -> Precondition:
    headers = request.headers
    return Precondition(headers.get("if-match"), headers.get("if-none-match"))


def partition_key(request: Request, container: Container) -> str:
    """The complete key, which an operation on an item needs, as canonical text. Raises bad_request."""
    header = request.headers.get(PARTITION_KEY)
    if header is None:
        raise errors.bad_request("PartitionKey value must be supplied for this operation.")
    key = partition_keys.from_header(header)
    if partition_keys.component_count(key) != len(container.partition_key.paths):
        message = (
            "Partition key provided either doesn't correspond to definition in the collection or doesn't match "
            "partition key field values specified in the document."
        )
        raise errors.bad_request(message, errors.PARTITION_KEY_MISMATCH)
    return key


def feed_range(request: Request, container: Container) -> FeedRange:
    """The part of the container that a query or a feed covers. Raises bad_request, partition_key_range_gone."""
    headers = request.headers
    range_id = headers.get("x-ms-documentdb-partitionkeyrangeid", PARTITION_KEY_RANGE)
    if range_id.rpartition(",")[2] != PARTITION_KEY_RANGE:
        raise errors.partition_key_range_gone(range_id)
    header = headers.get(PARTITION_KEY)
    if header is not None:
        key = partition_keys.from_header(header)
        count, complete = partition_keys.component_count(key), len(container.partition_key.paths)
        if count == complete:
            return FeedRange(partition_key=key)
        if 0 < count < complete:
            definition = container.partition_key
            start = partition_keys.effective(key, definition.kind, definition.version)
            return FeedRange(None, start, start + "FF")
        if count:
            raise errors.bad_request("The partition key has more components than the container's definition.")
    if "x-ms-start-epk" in headers or "x-ms-end-epk" in headers:
        start, end = headers.get("x-ms-start-epk", ""), headers.get("x-ms-end-epk", "FF")
        return FeedRange(None, start.upper(), end.upper())
    return WHOLE


def page_size(request: Request) -> int:
    """Items per page. Raises bad_request."""
    header = request.headers.get("x-ms-max-item-count")
    if header is None:
        return DEFAULT_PAGE_SIZE
    try:
        size = int(header)
    except ValueError:
        size = 0
    if size == -1:
        return DYNAMIC_PAGE_SIZE
    if size < 1:
        raise errors.bad_request(f"The header x-ms-max-item-count must be a positive number or -1, not {header!r}.")
    return size


def check_intended_container(request: Request, container: Container) -> None:
    """Raises container_rid_mismatch if the client means a container that has been deleted and recreated since."""
    intended = request.headers.get("x-ms-cosmos-intended-collection-rid")
    if intended is not None and intended != container.rid:
        raise errors.container_rid_mismatch()


def item_headers(request: Request, container: Container, charge: str, etag: str | None = None) -> dict[str, str]:
    """Omits x-ms-alt-content-path, which makes the SDKs keep session tokens.

    Tokens are of no use here: every read sees all writes that were confirmed before it.
    """
    lsn = container.lsn
    headers = {
        "x-ms-activity-id": request.headers.get("x-ms-activity-id", ""),
        "x-ms-request-charge": charge,
        "x-ms-documentdb-partitionkeyrangeid": PARTITION_KEY_RANGE,
        "x-ms-session-token": f"{PARTITION_KEY_RANGE}:-1#{lsn}",
        "lsn": str(lsn),
    }
    if etag is not None:
        headers["etag"] = etag
    return headers


def json_body(request: Request) -> Any:
    """Raises bad_request if the body is not JSON."""
    try:
        body = _decode(request.body.decode("utf-8"))
    except (ValueError, RecursionError):
        message = "The request payload is invalid. Ensure to provide a valid request payload."
        raise errors.bad_request(message) from None
    # Few brackets cannot nest deeply; only a body with many needs to be checked.
    if request.body.count(b"[") + request.body.count(b"{") > MAX_NESTING and _nests_too_deeply(body):
        raise errors.bad_request(f"The request payload is nested more than {MAX_NESTING} levels deep.")
    return body


def _nests_too_deeply(body: Any) -> bool:
    level = [body]
    for _ in range(MAX_NESTING + 1):
        composites = [value for value in level if isinstance(value, dict | list)]
        level = [part for value in composites for part in (value.values() if isinstance(value, dict) else value)]
        if not level:
            return False
    return True


def item_body(request: Request) -> dict[str, Any]:
    """An item or a patch. Raises bad_request; request_too_large, by the size as sent."""
    if len(request.body) > MAX_ITEM_BYTES:
        raise errors.request_too_large()
    return json_object(request)


def json_object(request: Request) -> dict[str, Any]:
    """Raises bad_request if the body is not a JSON object."""
    body = json_body(request)
    if not isinstance(body, dict):
        raise errors.bad_request("The request payload is invalid. Ensure to provide a JSON object.")
    return body


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


_decode = json.JSONDecoder(parse_constant=_refuse_constant).decode  # json.loads would make a decoder for each request
