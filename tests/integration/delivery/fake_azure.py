"""A stand-in for Azure: apps and a gateway that respond over real sockets, and what to look for among `az` calls."""

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from tests.integration.delivery.fake_command import FakeCommand
from tools.delivery.deployment import Limits
from tools.delivery.package import build

SHORT_LIMITS = Limits(replacement=0.2, first_answers=0.2, upload_pause=0, poll_pause=0.01, confirmations=4)
NEW = "new"
CREATE = "deployment group create --resource-group rg-dev --name ssak8-dev --parameters"
UPLOAD = "functionapp deployment source config-zip --resource-group rg-dev --name"


class FakeApps(BaseHTTPRequestHandler):
    """Serves /APP/health of each app, and a gateway below /gateway, which has a start page and no customer.

    `unhealthy`: the apps whose /health responds 503.
    `old_responses`: how many responses of each app still come from an old instance; every third one does.
    `version`: what the other instances report; empty for none.
    `access`: who may call, as each app says it.
    `gateway_fails`: from the number of the gateway's call, whether it responds 502.
    """

    unhealthy: frozenset[str] = frozenset()
    old_responses: dict[str, float] = {}  # noqa: RUF012 set by tests
    version = NEW
    access: dict[str, str] = {}  # noqa: RUF012 set by tests
    gateway_fails: Callable[[int], bool] = staticmethod(lambda _: False)
    gateway_calls = 0
    health_calls = 0

    def do_GET(self) -> None:
        first = self.path.split("/")[1]
        if first == "gateway":
            FakeApps.gateway_calls += 1
            found = 200 if self.path == "/gateway/" else 404
            self._answer(502 if self.gateway_fails(self.gateway_calls) else found, {"traceId": "1"})
        else:
            self._answer(
                503 if first in self.unhealthy else 200,
                {"status": "UP", "services": [first], "access": self.access.get(first), **self._version(first)},
            )

    def _version(self, app: str) -> dict[str, str]:
        FakeApps.health_calls += 1
        if self.old_responses.get(app, 0) > 0 and self.health_calls % 3 == 0:
            self.old_responses[app] -= 1
            return {"version": "old"}
        return {"version": self.version} if self.version else {}

    def _answer(self, status: int, body: object) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: object) -> None:
        """Keeps the test's output clean."""


def build_package(root: Path) -> Path:
    """A package of the project."""
    build(root, root / "built.zip")
    return root / "built.zip"


def changing_calls(az: FakeCommand) -> list[str]:
    """The calls that may change something on Azure."""
    reading = (
        "version",
        "account show",
        "bicep version",
        "provider list",
        "lock list",
        "deployment group show",
        "group exists",
        "rest --method get",
        "apim deletedservice show",
        "keyvault show-deleted",
        "resource show",
    )
    return [call for call in az.calls() if not call.startswith(reading)]
