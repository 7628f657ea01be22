import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.integration.delivery.fake_azure import FakeApps, build_package
from tests.integration.delivery.fake_command import FakeCommand
from tools.delivery.environments import Template
from tools.delivery.package import version
from tools.play.apps import APPS


@pytest.fixture(scope="module")
def apps() -> Iterator[str]:
    """The address of healthy apps and a gateway."""
    with ThreadingHTTPServer(("127.0.0.1", 0), FakeApps) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "infra/bicep"
    folder.mkdir(parents=True)
    for template in Template:
        (folder / f"{template}.bicep").write_text("")
        (folder / f"{template}.dev.bicepparam").write_text(f"using './{template}.bicep'\n")
    (tmp_path / ".funcignore").write_text("/*\n!/host.json\n")
    (tmp_path / "host.json").write_text("{}")
    return tmp_path


@pytest.fixture
def az(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, apps: str, root: Path) -> FakeCommand:
    fake = FakeCommand(tmp_path / "bin", "az")
    monkeypatch.setenv("PATH", str(fake.folder))
    monkeypatch.delenv("AZURE_SUBSCRIPTION_ID", raising=False)
    monkeypatch.delenv("AZURE_LOCATION", raising=False)
    monkeypatch.setattr(FakeApps, "gateway_calls", 0)
    monkeypatch.setattr(FakeApps, "health_calls", 0)
    monkeypatch.setattr(FakeApps, "version", version(build_package(root)))
    fake.answers("version", {"azure-cli": "2.87.0"})
    fake.answers("account show", {"id": "1234", "tenantId": "5678", "name": "house-cleaning", "state": "Enabled"})
    fake.answers("group exists", answer=True)
    fake.answers("rest --method get", {"value": []})
    fake.answers("resource show", answer=True)
    outputs = {
        "azurE_RESOURCE_GROUP": "rg-dev",  # as Azure spells it
        "azurE_LOCATION": "koreacentral",
        "gatewaY_URL": f"{apps}/gateway",
        "gatewaY_NAME": "apim-1",
        "keY_VAULT_NAME": "kv-1",
        "mY_PAGE_URL": f"{apps}/gateway",
        **{f"{app.upper()}_APP_NAME": f"func-{app}" for app in APPS},
        **{f"{app.upper()}_URL": f"{apps}/{app}" for app in APPS},
    }
    fake.answers("deployment group show", {name: {"type": "String", "value": value} for name, value in outputs.items()})
    return fake
