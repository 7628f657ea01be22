"""A limit of requests in progress, as the policy `limit-concurrency` of API Management.

https://learn.microsoft.com/azure/api-management/limit-concurrency-policy
"""

import json
import logging
import math
from http import HTTPStatus

from local_azure.gateway.answers import Answer
from local_azure.gateway.problems import CONTENT_TYPE, RETRY_AFTER_SECONDS, problem_document
from local_azure.gateway.requests import Request

logger = logging.getLogger(__name__)


class ConcurrencyLimit:
    """At most `most` requests at a time: call `enter`, and after True, `leave`; after False, `refusal`.

    Beyond the limit a request must cost next to nothing. So there is no span and no line in the log for each of them.
    """

    def __init__(self, name: str, most: int) -> None:
        """`name`: what is limited, for the log, such as `POST /orders`."""
        self._name = name
        self._most = most
        self._in_progress = 0
        self._retry_after = RETRY_AFTER_SECONDS
        self._begin_counting()
        detail = f"{most} of these requests are in progress, and no more are accepted."
        document = problem_document(HTTPStatus.SERVICE_UNAVAILABLE, detail)
        self._document = json.dumps(document).encode().removesuffix(b"}")

    def enter(self) -> bool:
        if self._in_progress >= self._most:
            self._refused += 1
            return False
        self._in_progress += 1
        return True

    def leave(self, seconds: float) -> None:
        """`seconds`: since `enter`."""
        self._in_progress -= 1
        self._served += 1
        self._served_seconds += seconds

    def refusal(self, request: Request) -> Answer:
        """503 with the seconds after which those now in progress have been served."""
        path, trace_id = json.dumps(request.path).encode(), request.trace_id.encode()
        body = b'%b, "instance": %b, "traceId": "%b"}' % (self._document, path, trace_id)
        headers = [
            (b"content-type", CONTENT_TYPE),
            (b"content-length", b"%d" % len(body)),
            (b"retry-after", b"%d" % self._retry_after),
        ]
        return Answer(HTTPStatus.SERVICE_UNAVAILABLE, body, headers)

    def look_back(self) -> None:
        """Call it about once a second: it logs what was refused since the last call, and measures the wait."""
        if self._served:
            # Those in progress now have been served when one that came with them would be.
            self._retry_after = max(1, math.ceil(self._served_seconds / self._served))
        if self._refused:
            logger.warning("%s: refused %d requests beyond %d in progress", self._name, self._refused, self._most)
        self._begin_counting()

    def _begin_counting(self) -> None:
        self._refused = 0
        self._served = 0
        self._served_seconds = 0.0
