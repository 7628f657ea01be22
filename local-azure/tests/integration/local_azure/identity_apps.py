"""A stack of small apps: one with an identity, and some that verify who calls, each in another way."""

import json
from pathlib import Path

CALLER = "0a000000-0000-4000-8000-00000000000c"
AUDIENCE = "api://called"

FUNCTION_APP = """
import json, os
import azure.functions as func
from azure.identity.aio import ManagedIdentityCredential

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

@app.route("headers", methods=["GET", "POST"])
async def headers(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(json.dumps(dict(req.headers)))

@app.route("settings")
async def settings(req: func.HttpRequest) -> func.HttpResponse:
    names = ("IDENTITY_ENDPOINT", "IDENTITY_HEADER")
    return func.HttpResponse(json.dumps({name: os.environ.get(name) for name in names}))

@app.route("token")
async def token(req: func.HttpRequest) -> func.HttpResponse:
    async with ManagedIdentityCredential(client_id=req.params.get("client_id"), retry_total=0) as credential:
        try:
            return func.HttpResponse((await credential.get_token(req.params["scope"])).token)
        except Exception as error:
            return func.HttpResponse(f"{type(error).__name__}: {error}", status_code=502)
"""

SETTINGS = f"""
[apps.caller]
port = 0
folder = "app"
identity = "{CALLER}"

[apps.called]
port = 0
folder = "app"
authentication = {{ audience = "{AUDIENCE}" }}

[apps.closed]
port = 0
folder = "app"
authentication = {{ audience = "{AUDIENCE}", anonymous = false }}
settings = {{ FUNCTIONS_WORKER_PROCESS_COUNT = "2" }}

[apps.open]
port = 0
folder = "app"
"""


def write_identity_apps(folder: Path) -> Path:
    """Writes the apps and their settings file below `folder`; returns the settings file."""
    app = folder / "app"
    app.mkdir()
    (app / "function_app.py").write_text(FUNCTION_APP)
    (app / "host.json").write_text(json.dumps({"version": "2.0", "extensions": {"http": {"routePrefix": ""}}}))
    config = folder / "local-azure.toml"
    config.write_text(SETTINGS)
    return config
