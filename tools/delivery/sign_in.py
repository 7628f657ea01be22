"""Whether the apps on Azure refuse calls without a valid token. Everything rests on that: nothing else protects them.

The platform in front of an app responds with 401 (docs/decisions/0010-who-may-call-an-app.md). A laptop has
no such platform.
"""

from collections.abc import Mapping

import aiohttp

from shared.settings import Access, Service
from tools.play.apps import COLLECTIONS
from tools.play.narrator import Narrator
from tools.play.probe import NOBODY
from tools.play.system import System

REFUSED = 401
# Of my page it does not matter which: the platform refuses before it looks at the path.
MY_PAGE = "my"
NO_TOKEN: Mapping[str, str] = {}
MADE_UP_TOKEN = {"Authorization": "Bearer made.up.token"}


async def expect_refusals(narrator: Narrator[System], apps: Mapping[Service, str], call_seconds: float) -> None:
    """Calls each app directly. `apps`: their URLs. Raises StepFailed, aiohttp.ClientError, TimeoutError.

    An app that does let a call pass finds nobody under that id, or refuses the empty body: nothing is changed.
    """
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(call_seconds)) as http:
        for app, url in apps.items():
            collection = f"{url.rstrip('/')}/{COLLECTIONS.get(app, MY_PAGE)}"
            for what, method, target, headers in (
                ("a call without a token", "GET", f"{collection}/{NOBODY}", NO_TOKEN),
                ("a call with a made-up token", "GET", f"{collection}/{NOBODY}", MADE_UP_TOKEN),
                ("a message without a token", "POST", collection, NO_TOKEN),
            ):
                body: dict[str, object] | None = {} if method == "POST" else None
                async with http.request(method, target, headers=headers, json=body, allow_redirects=False) as response:
                    narrator.expect(
                        response.status == REFUSED,
                        f"{app} refuses {what} ({method} {target}: {response.status}, expected {REFUSED})",
                    )


async def expect_access(
    narrator: Narrator[System], apps: Mapping[Service, str], access: Access, call_seconds: float
) -> None:
    """All apps agree on who may call. Raises StepFailed, aiohttp.ClientError, TimeoutError."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(call_seconds)) as http:
        for app, url in apps.items():
            async with http.get(f"{url.rstrip('/')}/health") as response:
                said = (await response.json(content_type=None)).get("access")
            narrator.expect(said == access, f"{app} says who may call: {said}, expected {access}")
