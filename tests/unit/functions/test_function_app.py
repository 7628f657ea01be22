"""Names and routes of all functions, and the settings without which events would be lost."""

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from functions import (
    customer,
    customer_view,
    health,
    kakao,
    me,
    openapi,
    privacy,
    registration,
    sandbox,
    unmatched,
    warm_up,
    web,
    web_operators,
    web_sign_in,
)
from shared.settings import settings
from tests.unit.shared.test_privacy_settings import WEB
from tools.delivery.deployment import EVENT_FUNCTIONS

ROUTES = {
    "register-customer": ("POST", "customers"),
    "get-customer": ("GET", "HEAD", "customers/{id}"),
    "list-customers": ("GET", "HEAD", "customers"),
    "replace-customer": ("PUT", "customers/{id}"),
    "patch-customer": ("PATCH", "customers/{id}"),
    "cancel-registration": ("DELETE", "customers/{id}"),
    "search-customers": ("POST", "customers/search"),
    "get-registration": ("GET", "HEAD", "registrations/{id}"),
    "withdraw-registration": ("DELETE", "registrations/{id}"),
    "send-kakao": ("POST", "kakaos"),
    "get-receipt": ("GET", "receipts/{id}"),
    "get-kakao": ("GET", "HEAD", "kakaos/{id}"),
    "list-kakaos": ("GET", "HEAD", "kakaos"),
    "get-customer-view": ("GET", "HEAD", "customerViews/{id}"),
    "list-customer-views": ("GET", "HEAD", "customerViews"),
    "list-messages-of-customer": ("GET", "HEAD", "customerViews/{id}/messages"),
    "get-own-registration": ("GET", "HEAD", "me/registration"),
    "get-own-data": ("GET", "HEAD", "me/data"),
    "health": ("GET", "HEAD", "health"),
    "openapi": ("GET", "HEAD", "openapi.json"),
    unmatched.NAME: (unmatched.ROUTE,),
}
WEB_ROUTES = {
    "show-start": ("GET", "HEAD", "start"),
    "show-my-registration": ("GET", "HEAD", "my"),
    "download-my-data": ("GET", "HEAD", "my/data"),
    "show-registration-form": ("GET", "HEAD", "my/registration"),
    "send-registration-form": ("POST", "my/registration"),
    "show-correction-form": ("GET", "HEAD", "my/registration/edit"),
    "send-correction-form": ("POST", "my/registration/edit"),
    "ask-about-cancelling": ("GET", "HEAD", "my/registration/cancel"),
    "cancel-my-registration": ("POST", "my/registration/cancel"),
    "get-static-file": ("GET", "HEAD", "static/{digest}/{name}"),
    "get-privacy-policy": ("GET", "HEAD", "privacy"),
    "get-privacy-policy-version": ("GET", "HEAD", "privacy/{version}"),
    "sign-in": ("GET", "login"),
    "sign-in-callback": ("GET", "login/callback"),
    "sign-out": ("POST", "logout"),
    "show-operators-page": ("GET", "HEAD", "operators"),
    "sign-in-operator": ("GET", "operators/login"),
    "sign-in-operator-callback": ("GET", "operators/login/callback"),
    "sign-out-operator": ("POST", "operators/logout"),
    "search-as-operator": ("POST", "operators/search"),
    "show-customer-to-operator": ("GET", "HEAD", "operators/customers/{id}"),
    "reveal-customer-to-operator": ("POST", "operators/customers/{id}"),
    "ask-operator-to-cancel": ("GET", "HEAD", "operators/customers/{id}/cancel"),
    "cancel-as-operator": ("POST", "operators/customers/{id}/cancel"),
}
SANDBOX_ROUTES = {
    "get-sandbox": ("GET", "HEAD", "sandbox"),
    "change-sandbox": ("PUT", "sandbox"),
}
EVERYWHERE = {"health", "openapi", unmatched.NAME, "warmup"}
SERVICES = {
    "customer": {
        "register-customer",
        "get-customer",
        "list-customers",
        "replace-customer",
        "patch-customer",
        "cancel-registration",
        "event-publisher",
        *EVERYWHERE,
        "sweep-outbox",
        "get-registration",
        "search-customers",
        "withdraw-registration",
        "register-deferred",
        "forget-claims",
    },
    "kakao": {"send-kakao", "get-kakao", "get-receipt", "list-kakaos", "kakao-alert", "forget-messages", *EVERYWHERE},
    "customerview": {
        "view-updater",
        "forget-views",
        "get-customer-view",
        "list-customer-views",
        "list-messages-of-customer",
        "get-own-registration",
        "get-own-data",
        *EVERYWHERE,
    },
    "web": {
        "show-start",
        "show-my-registration",
        "download-my-data",
        "show-registration-form",
        "send-registration-form",
        "show-correction-form",
        "send-correction-form",
        "ask-about-cancelling",
        "cancel-my-registration",
        "get-static-file",
        "get-privacy-policy",
        "get-privacy-policy-version",
        "sign-in",
        "sign-in-callback",
        "sign-out",
        "show-operators-page",
        "sign-in-operator",
        "sign-in-operator-callback",
        "sign-out-operator",
        "search-as-operator",
        "show-customer-to-operator",
        "reveal-customer-to-operator",
        "ask-operator-to-cancel",
        "cancel-as-operator",
        *EVERYWHERE,
    },
}

WEB_MODULES = (privacy, web, web_operators, web_sign_in)

every_service = pytest.mark.parametrize("service", SERVICES)

type Load = Callable[[str], dict[str, Any]]


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    """The functions of an app with these services: name → its trigger and retry policy."""

    def load_services(services: str) -> dict[str, Any]:
        monkeypatch.setenv("SSAK8_SERVICES", services)
        settings.cache_clear()
        others = (health, openapi, sandbox, unmatched, warm_up)
        for module in (customer, registration, customer_view, me, kakao, *WEB_MODULES, *others):
            importlib.reload(module)
        sys.modules.pop("function_app", None)
        functions = importlib.import_module("function_app").app.get_functions()
        return {
            function.get_function_name(): {
                **json.loads(function.get_function_json()),
                "retry": function.get_settings_dict("retry_policy"),
            }
            for function in functions
        }

    monkeypatch.setenv("COSMOS_CONNECTION", "AccountEndpoint=http://127.0.0.1:1/;AccountKey=a;")
    monkeypatch.setenv("SERVICE_BUS_CONNECTION", "Endpoint=sb://127.0.0.1:1;")
    monkeypatch.setenv("KAKAO_API_URL", "http://127.0.0.1:1")
    for name, value in {**WEB, "OWNER_KEY": "o" * 64}.items():
        monkeypatch.setenv(name, value)
    yield load_services
    settings.cache_clear()


def trigger(function: dict[str, Any]) -> dict[str, Any]:
    return next(binding for binding in function["bindings"] if binding["direction"] == "IN")


@pytest.mark.parametrize(("service", "names"), SERVICES.items())
def test_an_app_has_the_functions_of_its_service_and_no_others(load: Load, service: str, names: set[str]) -> None:
    assert set(load(service)) == names


def test_all_services_in_one_app_have_all_functions(load: Load) -> None:
    assert set(load("customer,kakao,customerview,web")) == set.union(*SERVICES.values())


@pytest.mark.parametrize(("services", "offered"), [("kakao", True), ("customer,customerview", False)])
def test_the_sandbox_can_be_changed_only_where_it_is_and_the_settings_allow_it(
    load: Load, monkeypatch: pytest.MonkeyPatch, services: str, offered: bool
) -> None:
    assert load(services).keys().isdisjoint(SANDBOX_ROUTES)

    monkeypatch.setenv("SANDBOX_CHANGEABLE", "true")

    functions = load(services)
    routes = {name: trigger(functions[name]) for name in functions.keys() & SANDBOX_ROUTES}
    found = {name: (*binding["methods"], binding["route"]) for name, binding in routes.items()}
    assert found == (SANDBOX_ROUTES if offered else {})


def test_routes_and_methods_are_those_of_the_design(load: Load) -> None:
    triggers = {name: trigger(function) for name, function in load("customer,kakao,customerview").items()}
    http = {name: binding for name, binding in triggers.items() if binding["type"] == "httpTrigger"}

    assert {name: (*binding.get("methods", ()), binding["route"]) for name, binding in http.items()} == ROUTES


def test_the_pages_have_the_paths_of_the_design(load: Load) -> None:
    triggers = {name: trigger(function) for name, function in load("web").items() if name not in EVERYWHERE}

    assert {name: (*binding["methods"], binding["route"]) for name, binding in triggers.items()} == WEB_ROUTES


def test_the_function_for_everything_else_comes_last_since_the_host_tries_routes_in_the_order_of_names(
    load: Load,
) -> None:
    functions = load("customer,kakao,customerview")
    http = [name for name, function in functions.items() if trigger(function)["type"] == "httpTrigger"]

    assert max(http, key=str.lower) == unmatched.NAME


@every_service
def test_whoever_may_call_a_function_may_also_learn_what_else_there_is(load: Load, service: str) -> None:
    triggers = [trigger(function) for function in load(service).values()]

    assert {binding["authLevel"] for binding in triggers if binding["type"] == "httpTrigger"} == {"ANONYMOUS"}


def test_the_publisher_reads_the_feed_from_its_beginning_and_never_gives_up(load: Load) -> None:
    publisher = load("customer")["event-publisher"]

    binding = trigger(publisher)
    assert (binding["type"], binding["containerName"], binding["leaseContainerName"]) == (
        "cosmosDBTrigger",
        "customers",
        "leases",
    )
    assert binding["startFromBeginning"] is True
    retry = publisher["retry"]
    assert (retry["strategy"], retry["max_retry_count"]) == ("exponential_backoff", "-1")


def test_the_outbox_is_swept_every_four_minutes(load: Load) -> None:
    binding = trigger(load("customer")["sweep-outbox"])

    assert (binding["type"], binding["schedule"]) == ("timerTrigger", "0 */4 * * * *")


def test_what_was_postponed_is_tried_every_ten_seconds(load: Load) -> None:
    binding = trigger(load("customer")["register-deferred"])

    assert (binding["type"], binding["schedule"]) == ("timerTrigger", "*/10 * * * * *")


def test_the_platform_can_warm_every_app_up(load: Load) -> None:
    # Azure calls only a function of this name, and only one.
    kinds = [trigger(function)["type"] for function in load("customer,kakao,customerview").values()]

    assert kinds.count("warmupTrigger") == 1
    assert trigger(load("kakao")["warmup"])["type"] == "warmupTrigger"


@pytest.mark.parametrize(("service", "subscription"), [("kakao", "kakao-alert"), ("customerview", "view-updater")])
def test_event_functions_listen_to_a_subscription_of_their_own_name(
    load: Load, service: str, subscription: str
) -> None:
    binding = trigger(load(service)[subscription])

    assert (binding["type"], binding["topicName"], binding["subscriptionName"]) == (
        "serviceBusTrigger",
        "customer-events",
        subscription,
    )


def test_only_the_views_are_updated_in_batches_whose_bodies_stay_as_they_are(load: Load) -> None:
    views, alerts = trigger(load("customerview")["view-updater"]), trigger(load("kakao")["kakao-alert"])

    # The host leaves an empty text out of a batch, but no empty bytes.
    assert (views["cardinality"], views["dataType"]) == ("MANY", "BINARY")
    assert "cardinality" not in alerts


def test_a_deployment_names_the_functions_whose_instances_no_call_reaches(load: Load) -> None:
    functions = load("customer,kakao,customerview")

    # The warm-up runs on the instances that serve HTTP.
    assert sorted(EVENT_FUNCTIONS) == sorted(functions.keys() - ROUTES.keys() - {"warmup"})
