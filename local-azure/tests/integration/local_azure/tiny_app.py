"""A settings file with a gateway and one tiny function app, for tests of whole stacks."""

import json
from pathlib import Path

FUNCTION_APP = """
import os
import time
import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

@app.function_name("hello")
@app.route(route="hello", methods=["GET"])
async def hello(req: func.HttpRequest) -> func.HttpResponse:
    print("hello was called", flush=True)
    return func.HttpResponse(os.environ["GREETING"])

@app.function_name("slow")
@app.route(route="hello/slow", methods=["GET"])
def slow(req: func.HttpRequest) -> func.HttpResponse:
    print("slow was called", flush=True)
    time.sleep(60)
    return func.HttpResponse("late")
"""

SETTINGS = """
[gateway]
[gateway.routes]
"/hello" = "tiny"

[settings]
GREETING = "hello from {tiny_port}"

[apps.tiny]
port = 0
folder = "app"

[welcome]
text = "Try:"
calls = ["curl http://127.0.0.1:{gateway_port}/hello"]
"""


def write_tiny_app(folder: Path) -> Path:
    """Writes the app and its settings file below `folder`; returns the settings file."""
    app = folder / "app"
    app.mkdir()
    (app / "function_app.py").write_text(FUNCTION_APP)
    (app / "host.json").write_text(json.dumps({"version": "2.0", "extensions": {"http": {"routePrefix": ""}}}))
    (app / "local.settings.sample.json").write_text(json.dumps({"IsEncrypted": False, "Values": {"FROM": "sample"}}))
    config = folder / "local-azure.toml"
    config.write_text(SETTINGS)
    return config
