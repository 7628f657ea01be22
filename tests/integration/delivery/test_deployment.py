"""Which commands a deployment runs, in which order, and when it stops."""

import io
import json
import math
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.settings import WITH_DATA
from tests.integration.delivery.fake_azure import CREATE, SHORT_LIMITS, UPLOAD, FakeApps, build_package, changing_calls
from tests.integration.delivery.fake_command import FakeCommand
from tools.delivery import web_secrets
from tools.delivery.__main__ import main
from tools.delivery.deployment import DEPLOYMENT_ORDER, Limits
from tools.play.apps import APPS


def test_a_deployment_deploys_the_infrastructure_and_then_the_apps_with_the_caller_last(
    root: Path, az: FakeCommand, apps: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["deploy", "dev"], root, SHORT_LIMITS) == 0

    parameters = root / "infra/bicep/system.dev.bicepparam"
    package = root / "dist/ssak8.zip"
    assert changing_calls(az) == [
        f"{CREATE} {parameters} --output none",
        *(f"{UPLOAD} func-{app} --src {package} --build-remote true" for app in DEPLOYMENT_ORDER),
    ]
    assert package.is_file()
    output = capsys.readouterr().out
    assert "subscription house-cleaning (1234)" in output
    assert f"The gateway: {apps}/gateway" in output
    assert "make smoke ENV=dev" in output
    assert output.count("runs on the instances that serve HTTP") == len(DEPLOYMENT_ORDER)
    timers = "forget-claims, forget-messages, forget-views, kakao-alert, register-deferred, sweep-outbox"
    assert f"Not known: when the last old instance of event-publisher, {timers}, view-updater ends" in output


def test_the_apps_stay_as_they_are_if_the_infrastructure_fails(
    root: Path, az: FakeCommand, capsys: pytest.CaptureFixture[str]
) -> None:
    az.answers("deployment group create", code=1, error="InvalidTemplate")

    assert main(["deploy", "dev"], root, SHORT_LIMITS) == 1

    assert az.calls(UPLOAD) == []
    assert "az deployment group create failed" in capsys.readouterr().err


def test_an_app_that_does_not_start_stops_the_deployment_of_the_others(
    root: Path, az: FakeCommand, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(FakeApps, "unhealthy", frozenset({"kakao"}))

    assert main(["deploy", "dev"], root, SHORT_LIMITS) == 1

    assert [call.split()[7] for call in az.calls(UPLOAD)] == ["func-kakao"]
    assert "kakao/health still reports “status 503”" in capsys.readouterr().err


def test_a_failed_upload_is_retried_because_a_new_role_takes_effect_late(root: Path, az: FakeCommand) -> None:
    az.answers(f"{UPLOAD} func-kakao", code=1, error="BlobUploadFailedException", times=2)

    assert main(["deploy", "dev"], root, SHORT_LIMITS) == 0

    assert [call.split()[7] for call in az.calls(UPLOAD)] == ["func-kakao"] * 3 + [
        "func-customerview",
        "func-customer",
        "func-web",
    ]


@pytest.mark.parametrize("missing", web_secrets.SOURCES)
def test_my_page_waits_for_the_secrets_that_only_people_have(
    root: Path, az: FakeCommand, missing: str, capsys: pytest.CaptureFixture[str]
) -> None:
    resource = "resource show --resource-group rg-dev --namespace Microsoft.KeyVault --parent vaults/kv-1"
    az.answers(f"{resource} --resource-type secrets --name {missing} ", answer=False)

    assert main(["deploy", "dev"], root, SHORT_LIMITS) == 1

    # The others do not need it.
    assert [call.split()[7] for call in az.calls(UPLOAD)] == ["func-kakao", "func-customerview", "func-customer"]
    error = capsys.readouterr().err
    assert f"its secrets are not set: {missing}. " in error
    assert f"  az keyvault secret set --vault-name kv-1 --name {missing} --file FILE --output none\n" in error
    assert error.count("az keyvault secret set") == 1


def test_who_may_not_read_whether_they_are_set_deploys_all_the_same(root: Path, az: FakeCommand) -> None:
    az.answers("resource show", code=3, error="AuthorizationFailed")

    assert main(["deploy", "dev"], root, SHORT_LIMITS) == 0
    assert az.calls(f"{UPLOAD} func-web")


def test_where_everybody_may_call_there_is_no_my_page_to_deploy(
    root: Path, az: FakeCommand, apps: str, capsys: pytest.CaptureFixture[str]
) -> None:
    listed = {f"{app.upper()}_{what}": "" for app in APPS for what in ("APP_NAME", "URL")}
    listed |= {f"{app.upper()}_APP_NAME": f"func-{app}" for app in WITH_DATA}
    listed |= {f"{app.upper()}_URL": f"{apps}/{app}" for app in WITH_DATA}
    for name in ("AZURE_RESOURCE_GROUP", "AZURE_LOCATION", "GATEWAY_NAME", "KEY_VAULT_NAME"):
        listed[name] = name
    listed |= {"GATEWAY_URL": f"{apps}/gateway", "MY_PAGE_URL": ""}
    az.answers("deployment group show", {name: {"value": value} for name, value in listed.items()})

    assert main(["deploy", "dev", "--zero-downtime"], root, SHORT_LIMITS) == 0

    assert [call.split()[7] for call in az.calls("config-zip")] == ["func-kakao", "func-customerview", "func-customer"]
    assert az.calls("resource show") == []
    assert "my page" not in capsys.readouterr().out


def test_an_upload_is_not_retried_forever(root: Path, az: FakeCommand) -> None:
    az.answers(UPLOAD, code=1)

    assert main(["deploy", "dev"], root, SHORT_LIMITS) == 1

    assert len(az.calls(UPLOAD)) == 3


def test_the_next_app_waits_until_no_old_instance_responds(
    root: Path, az: FakeCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = Limits(replacement=20, upload_pause=0, poll_pause=0.01, confirmations=4)
    old: dict[str, float] = {"kakao": 3, "customer": 2}
    monkeypatch.setattr(FakeApps, "old_responses", old)
    remaining: list[float] = []

    def record(_: int) -> bool:
        if az.calls("func-customerview"):
            remaining.append(old["kakao"])
        return False

    # The watch calls the gateway all the time.
    monkeypatch.setattr(FakeApps, "gateway_fails", staticmethod(record))

    assert main(["deploy", "dev", "--zero-downtime"], root, limits) == 0

    assert set(remaining) == {0}
    assert old == {"kakao": 0, "customer": 0}


def test_an_app_that_keeps_reporting_another_version_stops_the_deployment(
    root: Path, az: FakeCommand, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(FakeApps, "old_responses", {"kakao": math.inf})

    assert main(["deploy", "dev"], root, SHORT_LIMITS) == 1

    assert [call.split()[7] for call in az.calls(UPLOAD)] == ["func-kakao"]
    output = capsys.readouterr().err
    assert "still reports “kakao, version old”" in output
    assert f"expected “kakao, version {FakeApps.version}” 4 times in a row" in output


def test_an_earlier_package_is_deployed_without_the_infrastructure(
    root: Path, az: FakeCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = build_package(root).rename(root / "earlier.zip")
    (root / "host.json").write_text('{"changed": "since then"}')

    assert main(["apps", "dev", "--package", str(package)], root, SHORT_LIMITS) == 0

    assert changing_calls(az) == [
        f"{UPLOAD} func-{app} --src {package} --build-remote true" for app in DEPLOYMENT_ORDER
    ]


@pytest.mark.parametrize("reported", ["development", ""])
def test_a_package_without_a_version_is_waited_for_too(
    root: Path, az: FakeCommand, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], reported: str
) -> None:
    with zipfile.ZipFile(root / "earlier.zip", "w") as package:
        package.writestr("host.json", "{}")
    monkeypatch.setattr(FakeApps, "version", reported)
    command = ["apps", "dev", "--package", str(root / "earlier.zip")]

    assert main(command, root, SHORT_LIMITS) == 0

    monkeypatch.setattr(FakeApps, "version", "later")
    assert main(command, root, SHORT_LIMITS) == 1
    assert "still reports “kakao, version later”" in capsys.readouterr().err


def test_what_if_changes_nothing(root: Path, az: FakeCommand) -> None:
    assert main(["what-if", "dev"], root, SHORT_LIMITS) == 0
    assert main(["what-if", "dev", "--read-only"], root, SHORT_LIMITS) == 0

    parameters = root / "infra/bicep/system.dev.bicepparam"
    command = f"deployment group what-if --resource-group rg-dev --name ssak8-dev --parameters {parameters}"
    assert changing_calls(az) == [command, f"{command} --validation-level ProviderNoRbac"]


def test_the_foundation_registers_what_is_missing_and_creates_the_group(
    root: Path, az: FakeCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_LOCATION", "japaneast")
    resources = [{"type": "Microsoft.Web/sites"}, {"type": "Microsoft.Storage/storageAccounts"}]
    (root / "infra/bicep/system.dev.snapshot.json").write_text(json.dumps({"predictedResources": resources}))
    az.answers("provider list", [{"name": "Microsoft.Web", "state": "Registered"}])

    assert main(["foundation", "dev"], root, SHORT_LIMITS) == 0

    parameters = root / "infra/bicep/foundation.dev.bicepparam"
    create = "deployment sub create --name ssak8-foundation-dev --location japaneast --parameters"
    assert changing_calls(az) == [
        "provider register --namespace Microsoft.Storage --wait",
        f"{create} {parameters} --output none",
    ]
    assert az.environment_values("deployment sub create", "BUDGET_START_DATE") == {f"{datetime.now(UTC):%Y-%m}-01"}


def test_a_deployment_to_the_group_does_nothing_in_the_subscription(root: Path, az: FakeCommand) -> None:
    assert main(["deploy", "dev"], root, SHORT_LIMITS) == 0
    assert main(["what-if", "dev"], root, SHORT_LIMITS) == 0

    assert az.calls("deployment sub") == []
    assert az.calls("deployment group show --resource-group rg-dev --name ssak8-dev")


def test_an_existing_budget_keeps_its_start(root: Path, az: FakeCommand) -> None:
    budget = {"name": "budget-1", "properties": {"timePeriod": {"startDate": "2026-03-01T00:00:00Z"}}}
    az.answers("rest --method get", {"value": [budget]})

    assert main(["foundation", "dev"], root, SHORT_LIMITS) == 0

    assert az.environment_values("deployment sub create", "BUDGET_START_DATE") == {"2026-03-01"}


def test_an_environment_that_was_never_deployed_is_reported(
    root: Path, az: FakeCommand, capsys: pytest.CaptureFixture[str]
) -> None:
    az.answers("deployment group show", code=3, error="DeploymentNotFound")

    assert main(["destroy", "dev", "--confirm", "dev"], root, SHORT_LIMITS) == 1

    assert "dev has not been deployed yet" in capsys.readouterr().err
    assert changing_calls(az) == []


def test_destroying_asks_for_the_name_of_the_environment(
    root: Path, az: FakeCommand, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("prod\n"))

    assert main(["destroy", "dev"], root, SHORT_LIMITS) == 1

    assert "deletes rg-dev with all its data" in capsys.readouterr().out
    assert changing_calls(az) == []


@pytest.mark.parametrize("protected", [True, None])
def test_destroying_deletes_the_group_and_purges_what_azure_keeps(
    root: Path, az: FakeCommand, protected: bool | None
) -> None:
    az.answers("group exists --name rg-dev", answer=True)
    az.answers("apim deletedservice show", {"name": "apim-1", "deletionDate": "2026-11-23T00:00:00Z"})
    az.answers("keyvault show-deleted", {"name": "kv-1", "properties": {"purgeProtectionEnabled": protected}})

    assert main(["destroy", "dev", "--confirm", "dev"], root, SHORT_LIMITS) == 0

    purged = [] if protected else ["keyvault purge --name kv-1 --location koreacentral"]
    assert changing_calls(az) == [
        "group delete --name rg-dev --yes",
        "apim deletedservice purge --service-name apim-1 --location koreacentral",
        *purged,
        "deployment sub delete --name ssak8-foundation-dev",
    ]


def test_nothing_is_deleted_while_there_is_a_lock(
    root: Path, az: FakeCommand, capsys: pytest.CaptureFixture[str]
) -> None:
    path = "/subscriptions/1/resourceGroups/rg-dev/providers/Microsoft.Authorization/locks"
    az.answers("lock list --resource-group rg-dev ", [{"name": name, "id": f"{path}/{name}"} for name in "ab"])

    assert main(["destroy", "dev", "--confirm", "dev"], root, SHORT_LIMITS) == 1

    assert changing_calls(az) == []
    error = capsys.readouterr().err
    assert "rg-dev is locked against it by a, b" in error
    assert f"  az lock delete --ids {path}/a\n  az lock delete --ids {path}/b\n" in error


def test_destroying_goes_on_where_it_was_interrupted(root: Path, az: FakeCommand) -> None:
    az.answers("group exists --name rg-dev", answer=False)

    assert main(["destroy", "dev", "--confirm", "dev"], root, SHORT_LIMITS) == 0

    assert changing_calls(az) == ["deployment sub delete --name ssak8-foundation-dev"]
