"""The function apps on Azure: how many instances each has, and how much one takes."""

import re
from pathlib import Path

import azure.functions as func
import pytest

from functions import customer, customer_view, kakao, registration, web, web_sign_in
from shared.settings import Settings
from tests.unit.infra.compiler import deploy
from tests.unit.infra.deployments import BICEP, ENVIRONMENTS, Deployment, deployment
from tools.paths import ROOT
from tools.play.apps import APPS

BLUEPRINTS = {
    "customer": (customer.blueprint, registration.blueprint),
    "kakao": (kakao.blueprint,),
    "customerview": (customer_view.blueprint,),
    "web": (web.blueprint, web_sign_in.blueprint),
}

every_app = pytest.mark.parametrize("app", APPS)
every_environment = pytest.mark.parametrize("environment", ENVIRONMENTS)


def event_functions(app: str) -> set[str | None]:
    """The functions of an app without an HTTP trigger."""
    functions = func.FunctionApp()
    for blueprint in BLUEPRINTS[app]:
        functions.register_functions(blueprint)
    triggers = {function.get_function_name(): function.get_trigger() for function in functions.get_functions()}
    return {name for name, trigger in triggers.items() if trigger and trigger.get_binding_name() != "httpTrigger"}


@every_environment
@every_app
def test_always_ready_instances_belong_to_existing_scale_groups(environment: str, app: str) -> None:
    scale = deployment(environment).app(app)["properties"]["functionAppConfig"]["scaleAndConcurrency"]

    groups = {"http"} | {f"function:{name}" for name in event_functions(app)}
    assert {ready["name"] for ready in scale["alwaysReady"]} <= groups
    assert all(ready["instanceCount"] <= scale["maximumInstanceCount"] for ready in scale["alwaysReady"])


@every_environment
@every_app
def test_a_zone_redundant_app_lists_the_instances_it_keeps(environment: str, app: str) -> None:
    # The platform then keeps and bills two instances of every scale group, configured or not.
    here = deployment(environment)
    plan = here.one("Microsoft.Web/serverfarms", f"-{app}-{here.token}")["properties"]
    scale = here.app(app)["properties"]["functionAppConfig"]["scaleAndConcurrency"]

    ready = {group["name"]: group["instanceCount"] for group in scale["alwaysReady"]}
    groups = {"http"} | {f"function:{name}" for name in event_functions(app)}
    assert plan["zoneRedundant"] is (environment != "dev")
    if plan["zoneRedundant"]:
        assert ready.keys() == groups
        assert all(count >= 2 for count in ready.values())


def test_trying_again_takes_no_instance_from_registering() -> None:
    # A timer's scale group is its own, and the platform runs it on one instance: the other is there if that one fails.
    scale = deployment("prod").app("customer")["properties"]["functionAppConfig"]["scaleAndConcurrency"]

    assert {"name": "function:register-deferred", "instanceCount": 2} in scale["alwaysReady"]
    assert {"name": "http", "instanceCount": 2} in scale["alwaysReady"]


@every_environment
@every_app
def test_nobody_can_change_how_the_sandbox_behaves_on_azure(environment: str, app: str) -> None:
    # Whoever reaches the gateway could make kakao fail, or slow.
    assert not [name for name in deployment(environment).settings(app) if name.startswith("SANDBOX_")]
    assert Settings.model_fields["sandbox_changeable"].default is False


@every_app
def test_in_production_a_new_package_replaces_one_of_two_instances_at_a_time(app: str) -> None:
    configuration = deployment("prod").app(app)["properties"]["functionAppConfig"]
    ready = {group["name"]: group["instanceCount"] for group in configuration["scaleAndConcurrency"]["alwaysReady"]}

    assert configuration["siteUpdateStrategy"] == {"type": "RollingUpdate"}
    assert ready["http"] >= 2


@every_environment
def test_an_instance_accepts_more_requests_than_registrations_run_at_once(environment: str) -> None:
    scale = deployment(environment).app("customer")["properties"]["functionAppConfig"]["scaleAndConcurrency"]

    # The others wait for their turn, cancel, or look up.
    running = Settings.model_fields["registrations_at_once"].default
    assert scale["triggers"]["http"]["perInstanceConcurrency"] > 2 * running


@every_environment
def test_kakao_accepts_all_calls_that_the_customer_app_can_make_at_once(environment: str) -> None:
    def scale(app: str) -> dict[str, int]:
        found = deployment(environment).app(app)["properties"]["functionAppConfig"]["scaleAndConcurrency"]
        ready = sum(group["instanceCount"] for group in found["alwaysReady"] if group["name"] == "http")
        return {
            # Always-ready instances may come on top.
            "least": max(found["maximumInstanceCount"], ready),
            "most": found["maximumInstanceCount"] + ready,
            "each": found["triggers"]["http"]["perInstanceConcurrency"],
        }

    calls = scale("customer")["most"] * Settings.model_fields["registrations_at_once"].default
    assert scale("kakao")["least"] * scale("kakao")["each"] >= calls


def limits(here: Deployment) -> list[int]:
    """maximumInstanceCount of each app."""
    configurations = [here.app(app)["properties"]["functionAppConfig"] for app in APPS]
    return [configuration["scaleAndConcurrency"]["maximumInstanceCount"] for configuration in configurations]


@pytest.mark.parametrize(("environment", "lowest", "expected"), [("dev", 40, 40), ("prod", 40, 40), ("prod", 10, 20)])
def test_one_parameter_raises_the_instance_limits_where_a_region_refuses_low_ones(
    tmp_path: Path, environment: str, lowest: int, expected: int
) -> None:
    raised = deploy(tmp_path, f"system.{environment}.bicepparam", f"param lowestInstanceLimit = {lowest}")

    assert limits(raised) == [expected] * len(APPS)


def test_no_sentence_calls_the_instance_limit_a_bound_of_cost() -> None:
    # It is soft, and counts the on-demand instances of one scale group: not those of the app.
    claim = re.compile(r"limits? (?:the cost|what a flood)|at most about \$|maximumInstanceCount`? (?:limits|does)")
    files = [*BICEP.rglob("*.bicep"), *(ROOT / "docs").rglob("*.md")]
    texts = {file.name: re.sub(r"\n\s*(?://\s?)?", " ", file.read_text(encoding="utf-8")) for file in files}

    assert {name: claim.findall(text) for name, text in texts.items() if claim.search(text)} == {}
