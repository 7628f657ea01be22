"""Reads of the change feed: GET docs with `a-im: Incremental Feed`."""

from email.utils import parsedate_to_datetime

from local_azure.cosmos import errors
from local_azure.cosmos.store.account import Account
from local_azure.cosmos.store.change_feed import Position, read_changes
from local_azure.cosmos.store.containers import Container
from local_azure.cosmos.wire import headers
from local_azure.cosmos.wire.charges import query_charge
from local_azure.cosmos.wire.messages import Request, Response
from local_azure.cosmos.wire.paths import ResourcePath
from local_azure.cosmos.wire.slices import Work


class ChangeFeedRequests:
    """A continuation is the LSN that was read last, as an etag."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def read(self, request: Request, path: ResourcePath) -> Work:
        if request.headers["a-im"].lower() != "incremental feed":
            raise errors.not_supported("the full-fidelity change feed (all versions and deletes)")
        container = self._account.owning_container(path.database, path.container)
        headers.check_intended_container(request, container)
        size = headers.page_size(request)
        position = _position(request, container)
        page = yield from read_changes(self._account.storage, container, position, size, self._account.clock)
        body = "".join((f'{{"_rid":"{container.rid}","Documents":[', ",".join(page.bodies), "]"))
        body += f',"_count":{len(page.bodies)}}}'
        charge = query_charge(len(page.bodies), len(body))
        answer_headers = headers.item_headers(request, container, charge, f'"{page.lsn}"')
        if not page.bodies:
            return Response(304, b"", answer_headers)
        answer_headers["x-ms-item-count"] = str(len(page.bodies))
        return Response(200, body.encode("utf-8"), answer_headers)


def _position(request: Request, container: Container) -> Position:
    feed_range = headers.feed_range(request, container)
    continuation = request.headers.get("if-none-match")
    since = request.headers.get("if-modified-since")
    if continuation == "*":
        return Position(container.lsn, 0, feed_range)
    if continuation is not None:
        try:
            return Position(int(continuation.strip('"')), 0, feed_range)
        except ValueError:
            raise errors.bad_request(f"The change feed continuation {continuation!r} is invalid.") from None
    if since is None:
        return Position(0, 0, feed_range)
    try:
        return Position(0, int(parsedate_to_datetime(since).timestamp()), feed_range)
    except ValueError:
        raise errors.bad_request(f"The header if-modified-since must be a date (RFC 9110), not {since!r}.") from None
