"""What the load generator is to do, and what it found: both cross a pipe as JSON."""

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Self
from urllib.parse import urlsplit

from tools.bench.figures import Answer, LoadResult

ANSWER_SECONDS = 30.0
"""How long a call waits for its answer: as long as the gateway does."""

LATE_SECONDS = 0.05


@dataclass(frozen=True)
class Call:
    """A request that is sent over and over. With several `urls`, of one server, each has its turn.

    `headers`: beside those that HTTP needs. `tokens`: each is for one request, by somebody else.
    """

    urls: Sequence[str]
    method: str = "GET"
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    tokens: Sequence[str] = field(default_factory=list)

    @property
    def host(self) -> str:
        return urlsplit(self.urls[0]).hostname or ""

    @property
    def port(self) -> int:
        return urlsplit(self.urls[0]).port or 80

    def requests(self, *, keep_open: bool) -> Iterator[bytes]:
        """The requests as they are sent, without end, or one for each of `tokens`.

        Without `keep_open` each has a connection of its own.
        """
        head = "" if keep_open else "Connection: close\r\n"
        if not self.tokens:
            return itertools.cycle([self._request(url, head) for url in self.urls])
        urls = itertools.cycle(self.urls)
        return (self._request(next(urls), f"{head}Authorization: Bearer {token}\r\n") for token in self.tokens)

    def _request(self, url: str, first: str) -> bytes:
        address, body = urlsplit(url), self.body.encode()
        content = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
        others = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        head = f"{self.method} {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\n{first}{content}{others}\r\n"
        return head.encode() + body


@dataclass(frozen=True)
class Plan:
    """A closed loop of `users`, each of whom calls again once answered; or with `rate` an open loop, in calls a second.

    `calls`: ends a closed loop after this many, if it is not 0. `keep_open`: connections are used again; siege opens
    one for each call. With tokens, a closed loop also ends after the last of them, and an open loop needs one for each
    call.
    """

    call: Call
    seconds: float
    users: int = 0
    rate: float = 0.0
    calls: int = 0
    keep_open: bool = True

    def __post_init__(self) -> None:
        needed = int(self.rate * self.seconds)
        if self.call.tokens and len(self.call.tokens) < needed:
            raise ValueError(f"{needed:,} calls need as many tokens: there are {len(self.call.tokens):,}")

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        document = json.loads(text)
        return cls(**document | {"call": Call(**document["call"])})


def result_to_json(result: LoadResult) -> str:
    """Kinds are few and answers many, so an answer has the number of its kind."""
    kinds: dict[str, int] = {}
    answers = [(kinds.setdefault(kind, len(kinds)), seconds, at) for kind, seconds, at in result.answers]
    return json.dumps(vars(result) | {"answers": answers, "kinds": list(kinds)})


def result_from_json(text: str) -> LoadResult:
    document: Mapping[str, object] = json.loads(text)
    fields = dict(document)
    kinds = fields.pop("kinds")
    answers = [Answer(kinds[kind], seconds, at) for kind, seconds, at in fields.pop("answers")]  # type: ignore[attr-defined, index]
    return LoadResult(**fields | {"answers": answers})  # type: ignore[arg-type]
