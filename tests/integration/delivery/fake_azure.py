"""An Azure for the delivery: its command line answers as it is told to, and its apps answer over real sockets."""

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from tests.integration.delivery.fake_command import FakeCommand
from tools.delivery.deployment import Limits
from tools.delivery.package import build

SHORT_LIMITS = Limits(replacement=0.2, first_answers=0.2, upload_pause=0, poll_pause=0.01, confirmations=4)
NEW = "new"
CREATE = "deployment sub create --name ssak8-dev --location koreacentral --parameters"
UPLOAD = "functionapp deployment source config-zip --resource-group rg-dev --name"


class Azure(BaseHTTPRequestHandler):
    """/APP/health says that it is APP in the version NEW, but for those that are ill; below /gateway nobody is found.

    `old`: how often each app is still answered by an old instance: every third time.
    `breaks`: whether the gateway is broken, asked at each of its calls.
    """

    ill: frozenset[str] = frozenset()
    old: dict[str, float] = {}  # noqa: RUF012 set by tests
    version = NEW
    breaks: Callable[[int], bool] = staticmethod(lambda _: False)
    gateway_calls = 0
    health_calls = 0

    def do_GET(self) -> None:
        first = self.path.split("/")[1]
        if first == "gateway":
            Azure.gateway_calls += 1
            self._answer(502 if self.breaks(self.gateway_calls) else 404, {"traceId": "1"})
        else:
            self._answer(
                503 if first in self.ill else 200, {"status": "UP", "services": [first], **self._version(first)}
            )

    def _version(self, app: str) -> dict[str, str]:
        Azure.health_calls += 1
        if self.old.get(app, 0) > 0 and self.health_calls % 3 == 0:
            self.old[app] -= 1
            return {"version": "old"}
        return {"version": self.version} if self.version else {}

    def _answer(self, status: int, body: object) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def built(root: Path) -> Path:
    """A package of the project."""
    build(root, root / "built.zip")
    return root / "built.zip"


def changes(az: FakeCommand) -> list[str]:
    """What was asked of Azure that may change something."""
    asked = (
        "version",
        "account show",
        "bicep version",
        "deployment sub show",
        "group exists",
        "rest --method get",
        "apim deletedservice show",
        "keyvault show-deleted",
    )
    return [call for call in az.calls() if not call.startswith(asked)]
