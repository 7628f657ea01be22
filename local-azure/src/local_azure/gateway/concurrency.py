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

LONGEST_RETRY_AFTER_SECONDS = 30


class ConcurrencyLimit:
    """At most `most` requests at a time: call `enter`, and after True, `leave`; after False, `refusal`.

    Beyond the limit a request must cost next to nothing. So there is no span and no line in the log for each of them.
    """

    def __init__(self, name: str, most: int) -> None:
        """`name`: what is limited, for the log, such as `POST /orders`."""
        self._name = name
        self._most = most
        self._in_progress = 0
        self._served = 0
        self._refused = 0
        self._retry_after = RETRY_AFTER_SECONDS
        detail = f"{most} requests of this kind are in progress, and more are not accepted."
        document = problem_document(HTTPStatus.SERVICE_UNAVAILABLE, detail)
        self._document = json.dumps(document, ensure_ascii=False).encode().removesuffix(b"}")

    def enter(self) -> bool:
        if self._in_progress >= self._most:
            self._refused += 1
            return False
        self._in_progress += 1
        return True

    def leave(self) -> None:
        self._in_progress -= 1
        self._served += 1

    def refusal(self, request: Request) -> Answer:
        """503 with the seconds after which as many requests as now are in progress will have been served."""
        path = json.dumps(request.path).encode()
        body = b'%b, "instance": %b, "traceId": "%b"}' % (self._document, path, request.trace_id.encode())
        headers = [
            (b"content-type", CONTENT_TYPE),
            (b"content-length", b"%d" % len(body)),
            (b"retry-after", b"%d" % self._retry_after),
        ]
        return Answer(HTTPStatus.SERVICE_UNAVAILABLE, body, headers)

    def look_back(self, seconds: float) -> None:
        """Call it about once a second. `seconds`: since the last call, at which this begins to count again."""
        if self._served:
            needed = math.ceil(self._most * seconds / self._served)
            self._retry_after = min(max(needed, 1), LONGEST_RETRY_AFTER_SECONDS)
        else:
            self._retry_after = RETRY_AFTER_SECONDS
        if self._refused:
            logger.warning("%s: refused %d requests beyond %d in progress", self._name, self._refused, self._most)
        self._served = self._refused = 0
