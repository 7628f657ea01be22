"""Which commands a deployment runs, in which order, and when it stops."""

import io
import json
import math
import re
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from delivery.__main__ import main
from delivery.deployment import Patience
from delivery.package import build, version
from tests.integration.delivery.fake_command import FakeCommand

APPS = ("kakao", "customerview", "customer")
IMPATIENT = Patience(until_replaced=0.2, until_answered=0.2, between_uploads=0, between_calls=0.01, in_a_row=4)
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


@pytest.fixture(scope="module")
def apps() -> Iterator[str]:
    """The address at which three apps tell that they are well."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Azure) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "infra/bicep"
    folder.mkdir(parents=True)
    (folder / "main.bicep").write_text("")
    (folder / "main.dev.bicepparam").write_text("using './main.bicep'\n")
    (tmp_path / ".funcignore").write_text("/*\n!/host.json\n")
    (tmp_path / "host.json").write_text("{}")
    return tmp_path


def built(root: Path) -> Path:
    """A package of the project."""
    build(root, root / "built.zip")
    return root / "built.zip"


@pytest.fixture
def az(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, apps: str, root: Path) -> FakeCommand:
    fake = FakeCommand(tmp_path / "bin", "az")
    monkeypatch.setenv("PATH", str(fake.folder))
    monkeypatch.delenv("AZURE_SUBSCRIPTION_ID", raising=False)
    monkeypatch.delenv("AZURE_LOCATION", raising=False)
    monkeypatch.setattr(Azure, "gateway_calls", 0)
    monkeypatch.setattr(Azure, "health_calls", 0)
    monkeypatch.setattr(Azure, "version", version(built(root)))
    fake.answers("version", {"azure-cli": "2.80.0"})
    fake.answers("account show", {"id": "1234", "tenantId": "5678", "name": "house-cleaning", "state": "Enabled"})
    outputs = {
        "azurE_RESOURCE_GROUP": "rg-dev",  # as Azure spells it
        "azurE_LOCATION": "koreacentral",
        "gatewaY_URL": f"{apps}/gateway",
        "gatewaY_NAME": "apim-1",
        "keY_VAULT_NAME": "kv-1",
        **{f"{app.upper()}_APP_NAME": f"func-{app}" for app in APPS},
        **{f"{app.upper()}_URL": f"{apps}/{app}" for app in APPS},
    }
    fake.answers("deployment sub show", {name: {"type": "String", "value": value} for name, value in outputs.items()})
    return fake


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


def test_a_deployment_makes_the_infrastructure_and_then_the_apps_the_called_before_the_calling(
    root: Path, az: FakeCommand, apps: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["deploy", "dev"], root, IMPATIENT) == 0

    parameters = root / "infra/bicep/main.dev.bicepparam"
    package = root / "dist/ssak8.zip"
    assert changes(az) == [
        f"{CREATE} {parameters} --output none",
        *(f"{UPLOAD} func-{app} --src {package} --build-remote true" for app in APPS),
    ]
    assert package.is_file()
    told = capsys.readouterr().out
    assert "subscription house-cleaning (1234)" in told
    assert f"make smoke URL={apps}/gateway" in told


def test_the_apps_stay_as_they_are_where_the_infrastructure_fails(
    root: Path, az: FakeCommand, capsys: pytest.CaptureFixture[str]
) -> None:
    az.answers("deployment sub create", code=1, error="InvalidTemplate")

    assert main(["deploy", "dev"], root, IMPATIENT) == 1

    assert az.calls(UPLOAD) == []
    assert "az deployment sub create failed" in capsys.readouterr().err


def test_an_app_that_does_not_come_up_stops_the_others_from_being_replaced(
    root: Path, az: FakeCommand, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Azure, "ill", frozenset({"kakao"}))

    assert main(["deploy", "dev"], root, IMPATIENT) == 1

    assert [call.split()[7] for call in az.calls(UPLOAD)] == ["func-kakao"]
    assert "kakao/health still tells “status 503”" in capsys.readouterr().err


def test_an_upload_that_fails_is_tried_again_because_a_new_role_needs_time(root: Path, az: FakeCommand) -> None:
    az.answers(f"{UPLOAD} func-kakao", code=1, error="BlobUploadFailedException", times=2)

    assert main(["deploy", "dev"], root, IMPATIENT) == 0

    assert [call.split()[7] for call in az.calls(UPLOAD)] == ["func-kakao"] * 3 + ["func-customerview", "func-customer"]


def test_an_upload_is_not_tried_without_end(root: Path, az: FakeCommand) -> None:
    az.answers(UPLOAD, code=1)

    assert main(["deploy", "dev"], root, IMPATIENT) == 1

    assert len(az.calls(UPLOAD)) == 3


def test_as_long_as_an_old_instance_answers_the_next_app_waits(
    root: Path, az: FakeCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    patience = Patience(until_replaced=20, between_uploads=0, between_calls=0.01, in_a_row=4)
    old: dict[str, float] = {"kakao": 3, "customer": 2}
    monkeypatch.setattr(Azure, "old", old)
    left: list[float] = []

    def look(_: int) -> bool:
        if az.calls("func-customerview"):
            left.append(old["kakao"])
        return False

    # Called all the time, because the deployment is watched.
    monkeypatch.setattr(Azure, "breaks", staticmethod(look))

    assert main(["deploy", "dev", "--unbroken"], root, patience) == 0

    assert set(left) == {0}
    assert old == {"kakao": 0, "customer": 0}


def test_an_app_that_goes_on_telling_another_version_stops_the_deployment(
    root: Path, az: FakeCommand, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Azure, "old", {"kakao": math.inf})

    assert main(["deploy", "dev"], root, IMPATIENT) == 1

    assert [call.split()[7] for call in az.calls(UPLOAD)] == ["func-kakao"]
    told = capsys.readouterr().err
    assert "still tells “kakao, version old”" in told
    assert f"has to tell “kakao, version {Azure.version}” 4 times in a row" in told


def test_an_earlier_package_goes_to_the_apps_alone(
    root: Path, az: FakeCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = built(root).rename(root / "earlier.zip")
    (root / "host.json").write_text('{"changed": "since then"}')

    assert main(["apps", "dev", "--package", str(package)], root, IMPATIENT) == 0

    assert changes(az) == [f"{UPLOAD} func-{app} --src {package} --build-remote true" for app in APPS]


@pytest.mark.parametrize("told", ["development", ""])
def test_a_package_without_a_version_is_awaited_too(
    root: Path, az: FakeCommand, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], told: str
) -> None:
    with zipfile.ZipFile(root / "earlier.zip", "w") as package:
        package.writestr("host.json", "{}")
    monkeypatch.setattr(Azure, "version", told)
    command = ["apps", "dev", "--package", str(root / "earlier.zip")]

    assert main(command, root, IMPATIENT) == 0

    monkeypatch.setattr(Azure, "version", "later")
    assert main(command, root, IMPATIENT) == 1
    assert "still tells “kakao, version later”" in capsys.readouterr().err


def test_what_if_changes_nothing(root: Path, az: FakeCommand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_LOCATION", "japaneast")

    assert main(["what-if", "dev"], root, IMPATIENT) == 0
    assert main(["what-if", "dev", "--read-only"], root, IMPATIENT) == 0

    parameters = root / "infra/bicep/main.dev.bicepparam"
    command = f"deployment sub what-if --name ssak8-dev --location japaneast --parameters {parameters}"
    assert changes(az) == [command, f"{command} --validation-level ProviderNoRbac"]


@pytest.mark.parametrize(
    ("command", "runs"), [("deploy", "deployment sub create"), ("what-if", "deployment sub what-if")]
)
def test_the_budget_begins_when_it_began(root: Path, az: FakeCommand, command: str, runs: str) -> None:
    budget = {"name": "budget-1", "properties": {"timePeriod": {"startDate": "2026-03-01T00:00:00Z"}}}
    az.answers("group exists --name rg-dev", answer=True)
    az.answers("rest --method get", {"value": [budget]})

    assert main([command, "dev"], root, IMPATIENT) == 0

    assert az.given(runs, "BUDGET_START_DATE") == {"2026-03-01"}


def test_what_was_never_deployed_is_named(root: Path, az: FakeCommand, capsys: pytest.CaptureFixture[str]) -> None:
    az.answers("deployment sub show", code=3, error="DeploymentNotFound")

    assert main(["destroy", "dev", "--confirm", "dev"], root, IMPATIENT) == 1

    assert "dev has not been deployed yet" in capsys.readouterr().err
    assert changes(az) == []


def test_destroying_asks_for_the_environments_name(
    root: Path, az: FakeCommand, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("prod\n"))

    assert main(["destroy", "dev"], root, IMPATIENT) == 1

    assert "deletes rg-dev with all its data" in capsys.readouterr().out
    assert changes(az) == []


@pytest.mark.parametrize("protected", [True, None])
def test_destroying_deletes_the_group_and_what_azure_keeps_of_it(
    root: Path, az: FakeCommand, protected: bool | None
) -> None:
    az.answers("apim deletedservice show", {"name": "apim-1", "deletionDate": "2026-11-23T00:00:00Z"})
    az.answers("keyvault show-deleted", {"name": "kv-1", "properties": {"purgeProtectionEnabled": protected}})

    assert main(["destroy", "dev", "--confirm", "dev"], root, IMPATIENT) == 0

    purged = [] if protected else ["keyvault purge --name kv-1 --location koreacentral"]
    assert changes(az) == [
        "group delete --name rg-dev --yes",
        "apim deletedservice purge --service-name apim-1 --location koreacentral",
        *purged,
        "deployment sub delete --name ssak8-dev",
    ]


def test_calls_that_failed_meanwhile_are_counted(
    root: Path, az: FakeCommand, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Azure, "breaks", staticmethod(lambda calls: calls > 4))

    assert main(["deploy", "dev"], root, IMPATIENT) == 0

    assert "× kakaos: 502" in capsys.readouterr().out


def test_calls_that_failed_are_a_failure_where_none_may(
    root: Path, az: FakeCommand, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Azure, "breaks", staticmethod(lambda calls: calls > 4))

    assert main(["deploy", "dev", "--unbroken"], root, IMPATIENT) == 1

    assert "callers noticed" in capsys.readouterr().err


def test_calls_that_fail_while_the_infrastructure_changes_are_noticed(
    root: Path, az: FakeCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    az.answers("deployment sub create", seconds=0.5)
    monkeypatch.setattr(Azure, "breaks", staticmethod(lambda _: bool(az.calls(CREATE)) and not az.calls(UPLOAD)))

    assert main(["deploy", "dev", "--unbroken"], root, IMPATIENT) == 1


def test_calls_that_fail_while_the_last_app_is_replaced_are_noticed(
    root: Path, az: FakeCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    old: dict[str, float] = {"customer": 5}
    monkeypatch.setattr(Azure, "old", old)
    monkeypatch.setattr(Azure, "breaks", staticmethod(lambda _: 0 < old["customer"] < 5))
    patience = Patience(until_replaced=20, between_uploads=0, between_calls=0.02, in_a_row=4)

    assert main(["apps", "dev", "--unbroken"], root, patience) == 1


@pytest.mark.parametrize("shown", [{"code": 3, "error": "DeploymentNotFound"}, {"answer": None}])
def test_where_no_deployment_ended_well_before_the_apps_are_watched(
    root: Path,
    az: FakeCommand,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    shown: dict[str, Any],
) -> None:
    az.answers("deployment sub show", **shown, times=1)
    monkeypatch.setattr(Azure, "breaks", staticmethod(lambda _: bool(az.calls(UPLOAD))))

    assert main(["deploy", "dev", "--unbroken"], root, IMPATIENT) == 1

    assert "callers noticed" in capsys.readouterr().err


def test_no_call_failed(root: Path, az: FakeCommand, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["deploy", "dev", "--unbroken"], root, IMPATIENT) == 0

    assert re.search(r"Meanwhile 0 of [1-9]\d* calls failed", capsys.readouterr().out)


@pytest.mark.parametrize("options", [[], ["--unbroken"]])
def test_where_no_service_ever_answered_nobody_can_say_that_no_call_failed(
    root: Path,
    az: FakeCommand,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
) -> None:
    monkeypatch.setattr(Azure, "breaks", staticmethod(lambda _: True))

    assert main(["deploy", "dev", *options], root, IMPATIENT) == len(options)

    told = capsys.readouterr()
    assert "0 of 0 calls failed" in told.out
    assert "customers never answered well" in told.out
    assert ("is not known" in told.err) == bool(options)


def test_what_did_not_run_before_is_not_missed_but_awaited_after(
    root: Path, az: FakeCommand, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    az.answers("deployment sub show", code=3, error="DeploymentNotFound", times=1)
    patience = Patience(until_replaced=20, until_answered=20, between_uploads=0, between_calls=0.01, in_a_row=1)
    after: list[int] = []

    def breaks(calls: int) -> bool:
        if Azure.health_calls >= len(APPS):
            after.append(calls)
        return len(after) < 20

    monkeypatch.setattr(Azure, "breaks", staticmethod(breaks))

    assert main(["deploy", "dev", "--unbroken"], root, patience) == 0

    assert "never answered" not in capsys.readouterr().out


def test_one_bad_answer_at_the_beginning_does_not_end_the_watch(
    root: Path, az: FakeCommand, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Azure, "breaks", staticmethod(lambda calls: calls <= 3 or calls > 6))

    assert main(["deploy", "dev", "--unbroken"], root, IMPATIENT) == 1

    assert "callers noticed" in capsys.readouterr().err


def test_a_watch_that_broke_off_is_a_failure_where_no_call_may_fail(
    root: Path, az: FakeCommand, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = iter([None] * 4)
    monkeypatch.setattr("delivery.watch.failure", lambda _: next(calls))

    assert main(["deploy", "dev", "--unbroken"], root, IMPATIENT) == 1

    told = capsys.readouterr()
    assert "the watch broke off: StopIteration()" in told.out
    assert "is not known" in told.err


def test_a_workflow_learns_the_address(
    root: Path, az: FakeCommand, apps: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "outputs"))

    assert main(["deploy", "dev"], root, IMPATIENT) == 0

    assert (tmp_path / "outputs").read_text() == f"gateway_url={apps}/gateway\n"
