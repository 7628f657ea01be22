"""The gateway on Azure routes like the local one, and refuses what is not public."""

import json
import re
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import pytest

from shared.http.requests import LARGEST_BODY
from shared.settings import Settings
from shared.use_cases.registrations import GRACE_FOR_STORING
from tests.unit.infra.compiler import deploy
from tests.unit.infra.deployments import ENVIRONMENTS, Deployment, deployment, identity_in
from tools.paths import LOCAL_AZURE_SETTINGS, ROOT
from tools.play.apps import APPS

POLICY = ElementTree.parse(ROOT / "infra/bicep/modules/gateway-policy.xml").getroot()  # noqa: S314  # our own file
API = "Microsoft.ApiManagement/service/apis"


def status_of(response: ElementTree.Element) -> str:
    return response.find("set-status").attrib["code"]  # type: ignore[union-attr]  # fails if missing


every_environment = pytest.mark.parametrize("environment", ENVIRONMENTS)


type Reached = tuple[str, str, str]
"""Name, method and path of an operation."""

# What is no part of the API: a browser asks for it, or a form is sent there.
OF_MY_PAGE: set[Reached] = {
    ("page", "GET", "/*"),
    ("page-head", "HEAD", "/*"),
    ("sign-out", "POST", "/logout"),
    ("change-own", "POST", "/my/*"),
    ("operate", "POST", "/operators/*"),
}


def operations(here: Deployment) -> set[Reached]:
    return {
        (operation["name"].rpartition("/")[2], each["method"], each["urlTemplate"])
        for operation in here.all(f"{API}/operations")
        for each in [operation["properties"]]
    }


def described() -> set[Reached]:
    """The operations of the committed description."""
    description = json.loads((ROOT / "infra/openapi.json").read_text(encoding="utf-8"))
    return {
        (operation["operationId"], method.upper(), path)
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    }


@every_environment
def test_the_gateway_has_the_operations_of_the_committed_description_and_those_of_my_page(environment: str) -> None:
    here = deployment(environment)
    api = here.one(API)["properties"]

    assert operations(here) == described() | OF_MY_PAGE, "the description has changed: infra/bicep/check --update"
    assert (api["path"], api["subscriptionRequired"]) == ("", False)
    # An import would delete the operations of my page, until they are made again.
    assert not {"format", "value"} & api.keys()


def test_without_my_page_the_gateway_has_the_operations_of_the_description_alone(tmp_path: Path) -> None:
    here = deploy(tmp_path, "system.dev.bicepparam", ACCESS="open")

    assert operations(here) == described()


@every_environment
def test_an_operation_names_the_parameters_of_its_path(environment: str) -> None:
    for operation in deployment(environment).all(f"{API}/operations"):
        each = operation["properties"]
        named = [parameter["name"] for parameter in each["templateParameters"]]
        # The service refuses a path whose parameters are not described.
        assert named == re.findall(r"{(\w+)}", each["urlTemplate"])


def apps_by_path() -> list[tuple[str, str]]:
    """Pattern of the path and app, in the order in which the policy looks."""
    [routes] = [choose for choose in POLICY.iterfind("inbound/choose") if choose.find("otherwise") is not None]
    return [
        (pattern, when.find("set-backend-service").attrib["backend-id"])  # type: ignore[union-attr]  # fails if missing
        for when in routes.iterfind("when")
        for pattern in re.findall(r'OriginalUrl.Path, "(.+?)"\)', when.attrib["condition"])
    ] + [("", routes.find("otherwise/set-backend-service").attrib["backend-id"])]  # type: ignore[union-attr]  # the same


def app_of(path: str) -> str:
    return next(app for pattern, app in apps_by_path() if re.search(pattern, path))


@every_environment
def test_each_path_goes_to_the_same_app_as_locally(environment: str) -> None:
    here = deployment(environment)
    local = tomllib.loads(LOCAL_AZURE_SETTINGS.read_text(encoding="utf-8"))["gateway"]["routes"]

    assert {path: app_of(path) for path in local} == local
    assert {path: app_of(f"{path}/x") for path in local} == local
    assert {app for _, app in apps_by_path()} == {
        backend["name"].rpartition("/")[2] for backend in here.all("Microsoft.ApiManagement/service/backends")
    }


def test_what_only_begins_like_a_path_of_the_api_is_a_page() -> None:
    for path in ("/", "/my", "/mex", "/customersX", "/openapixjson", "/media", "/x/customers", "/privacy/2026-12-01"):
        assert app_of(path) == "web"


def test_the_start_page_is_found_where_it_is_found_locally() -> None:
    local = tomllib.loads(LOCAL_AZURE_SETTINGS.read_text(encoding="utf-8"))["gateway"]["rewrites"]
    [rewrite] = POLICY.iterfind("inbound/choose/when/rewrite-uri")
    [condition] = [when.attrib["condition"] for when in POLICY.iterfind("inbound/choose/when") if rewrite in when]

    assert local == {"/": rewrite.attrib["template"]}
    assert condition == '@(Regex.IsMatch(context.Request.OriginalUrl.Path, "^/?$"))'


@pytest.mark.parametrize("path", ["/admin", "/admin/host/status", "/ADMIN/x", "/runtime/webhooks/x", "/.auth/me"])
def test_what_the_platform_and_the_host_have_for_themselves_is_not_reached(path: str) -> None:
    [(pattern, response)] = [
        (pattern, when.find("return-response"))
        for when in POLICY.iterfind("inbound/choose/when")
        for pattern in re.findall(r'OriginalUrl.Path, "(.+?)"\)', when.attrib["condition"])
        if "admin" in pattern
    ]

    assert re.search(pattern, path)
    assert response is not None
    assert status_of(response) == "404"
    assert not any(re.search(pattern, other) for other in ("/", "/administration", "/my", "/operators"))


@every_environment
def test_a_backend_is_the_app_of_the_same_name(environment: str) -> None:
    here = deployment(environment)

    for backend in here.all("Microsoft.ApiManagement/service/backends"):
        app = backend["name"].rpartition("/")[2]
        assert f"/sites/func-{app}-{here.token}'" in backend["properties"]["url"]


def test_a_domain_is_one_of_the_gateway_and_of_my_page(tmp_path: Path) -> None:
    here = deploy(tmp_path, "system.prod.bicepparam", PUBLIC_BASE_URL="https://ssak8.example.org")
    [domain] = here.one("Microsoft.ApiManagement/service")["properties"]["hostnameConfigurations"]
    reader = [
        role for role in here.all("Microsoft.Authorization/roleAssignments") if "/secrets/custom-domain/" in role["id"]
    ]

    assert (domain["type"], domain["hostName"]) == ("Proxy", "ssak8.example.org")
    # The newest version, which it may read: that and nothing else in the vault.
    assert re.fullmatch(r"\[format\('\{0\}secrets/\{1\}', .*[.]vaultUri, 'custom-domain'\)\]", domain["keyVaultId"])
    assert [identity_in(role["properties"]["principalId"]) for role in reader] == ["gateway"]
    assert identity_in(domain["identityClientId"]) == "gateway"
    assert here.settings("web")["PUBLIC_BASE_URL"] == here.outputs["MY_PAGE_URL"] == "https://ssak8.example.org"
    [test] = [each for each in here.all("Microsoft.Insights/webtests") if each["properties"]["Name"] == "my-page"]
    assert test["properties"]["Request"]["RequestUrl"] == "https://ssak8.example.org/"


@every_environment
def test_without_a_domain_the_gateway_has_the_name_that_azure_gave_it(environment: str) -> None:
    service = deployment(environment).one("Microsoft.ApiManagement/service")

    # What is not in the template, a deployment takes away.
    assert service["properties"]["hostnameConfigurations"] == []


def test_messages_cannot_be_sent_from_outside() -> None:
    description = json.loads((ROOT / "infra/openapi.json").read_text(encoding="utf-8"))
    conditions = {when.attrib["condition"]: when for when in POLICY.iterfind("inbound/choose/when")}

    refused = conditions[f'@(context.Operation.Id == "{description["paths"]["/kakaos"]["post"]["operationId"]}")']
    assert refused.find("return-response/set-status").attrib["code"] == "403"  # type: ignore[union-attr]  # fails if missing


def test_a_body_may_be_as_large_as_the_apps_accept() -> None:
    conditions = [when.attrib["condition"] for when in POLICY.iterfind("inbound/choose/when")]

    assert [re.findall(r"> (\d+)", condition) for condition in conditions if "Content-Length" in condition] == [
        [str(LARGEST_BODY)]
    ]


def test_the_gateway_times_out_before_the_platform_does() -> None:
    [timeout] = {float(forward.attrib["timeout"]) for forward in POLICY.iterfind("backend//forward-request")}
    local = tomllib.loads(LOCAL_AZURE_SETTINGS.read_text(encoding="utf-8"))["gateway"]

    # The Consumption tier ends a request after 30 s, as the local gateway does.
    assert timeout < local["timeout_seconds"] == 30
    fields = Settings.model_fields
    for environment in ENVIRONMENTS:
        settings = deployment(environment).settings("customer")
        registration = float(settings.get("REGISTRATION_SECONDS", fields["registration_seconds"].default))
        opening = fields["ssak8_warm_start_seconds"].default
        assert opening + registration + GRACE_FOR_STORING < timeout


def test_only_registering_is_limited_as_it_is_locally() -> None:
    limited = POLICY.findall("backend//limit-concurrency")
    whens = POLICY.findall("backend/choose/when")
    description = json.loads((ROOT / "infra/openapi.json").read_text(encoding="utf-8"))
    local = tomllib.loads(LOCAL_AZURE_SETTINGS.read_text(encoding="utf-8"))["gateway"]["concurrency"]

    # A limit that covered DELETE would refuse to cancel while registering is overloaded.
    assert list(local) == ["POST /customers"]
    [when], [limit] = whens, limited
    operation = description["paths"]["/customers"]["post"]["operationId"]
    assert when.attrib["condition"] == f'@(context.Operation.Id == "{operation}")'
    assert (list(when), limit.attrib["key"]) == ([limit], operation)
    # Policy expressions are not allowed in it; named values are.
    assert limit.attrib["max-count"] == "{{registrations-in-progress}}"
    assert [element.tag for element in limit] == ["forward-request"]


@every_environment
def test_registering_leaves_room_for_cancelling(environment: str) -> None:
    here = deployment(environment)
    [limit] = [
        int(value["properties"]["value"])
        for value in here.all("Microsoft.ApiManagement/service/namedValues")
        if value["name"].endswith("/registrations-in-progress")
    ]
    scale = here.app("customer")["properties"]["functionAppConfig"]["scaleAndConcurrency"]
    concurrent = scale["triggers"]["http"]["perInstanceConcurrency"] * scale["maximumInstanceCount"]

    assert 0.5 * concurrent < limit < 0.7 * concurrent


def test_a_registration_beyond_the_limit_may_be_sent_again() -> None:
    [response] = [
        when.find("return-response")
        for when in POLICY.iterfind("on-error/choose/when")
        if when.attrib["condition"] == '@(context.LastError.Source == "limit-concurrency")'
    ]

    assert response is not None
    assert status_of(response) == "503"
    assert response.findtext("set-header[@name='Retry-After']/value") == "2"


def test_the_availability_test_of_the_gateway_calls_an_existing_path() -> None:
    prod = deployment("prod")
    [test] = [t["properties"] for t in prod.all("Microsoft.Insights/webtests") if t["properties"]["Name"] == "gateway"]
    description = json.loads((ROOT / "infra/openapi.json").read_text(encoding="utf-8"))

    assert [path for path in description["paths"] if path in test["Request"]["RequestUrl"]] == ["/openapi.json"]


def test_every_response_of_the_gateway_itself_is_a_problem_document_with_a_trace_id() -> None:
    responses = [response for response in POLICY.iter("return-response") if status_of(response) != "204"]

    assert {status_of(response) for response in responses} == {"403", "404", "405", "413", "503"}
    for response in responses:
        # C#, which the gateway runs: new JProperty("status", 404)
        body = dict(re.findall(r'new JProperty\("(\w+)", (.+?)\)(?=,\n|\)\.)', str(response.findtext("set-body"))))
        assert response.findtext("set-header[@name='Content-Type']/value") == "application/problem+json"
        assert body["status"] == status_of(response)
        assert body["type"].startswith('"urn:ssak8:problem:')
        assert body["instance"] == "context.Request.OriginalUrl.Path"
        assert body["traceId"] == 'context.Variables["traceId"]'
        assert {"title", "detail"} <= body.keys()


def test_the_trace_id_is_known_in_each_section_that_responds() -> None:
    ids = [variable for variable in POLICY.iter("set-variable") if variable.attrib["name"] == "traceId"]

    assert [section.tag for section in POLICY if any(variable in ids for variable in section)] == [
        "inbound",
        "on-error",
    ]
    assert len({variable.attrib["value"] for variable in ids}) == 1


def test_the_gateway_knows_which_methods_each_path_allows() -> None:
    description = json.loads((ROOT / "infra/openapi.json").read_text(encoding="utf-8"))
    allowed = {
        pattern: when.find("set-variable").attrib["value"]  # type: ignore[union-attr]  # fails if missing
        for when in POLICY.iterfind("on-error/choose/when/choose/when")
        for pattern in re.findall(r'OriginalUrl.Path, "(.+?)"\)', when.attrib["condition"])
    }

    def allow_of(path: str) -> list[str]:
        return [allow for pattern, allow in allowed.items() if re.search(pattern, path)]

    for path, operations in description["paths"].items():
        expected = ", ".join(sorted([*(method.upper() for method in operations), "OPTIONS"]))
        assert allow_of(re.sub(r"\{\w+\}", "0189ee3e", path)) == [expected]
    unknown = ("/", "/nonsense", "/customersX", "/customers/a/b", "/registrations", "/kakaos/a/b", "/x/customers")
    for path in (*unknown, "/registrations/a/b", "/health", "/me", "/me/x", "/privacy/a/b", "/receipts/a"):
        assert allow_of(path) == []
    # Not the methods of a customer whose id is `search`.
    assert allow_of("/customers/search") == ["OPTIONS, POST"]


def headers_of_requests() -> list[ElementTree.Element]:
    """Every change of a header before a request is forwarded, in order, also those under a condition."""
    return list(POLICY.iterfind("inbound/set-header")) + list(POLICY.iterfind("inbound/choose/when/set-header"))


def test_forwarded_headers_of_a_caller_are_not_trusted() -> None:
    headers = {header.attrib["name"]: header for header in POLICY.iterfind("inbound/set-header")}

    assert headers["X-Forwarded-Host"].attrib["exists-action"] == "override"
    assert headers["X-Forwarded-Proto"].attrib["exists-action"] == "override"
    assert headers["X-Forwarded-Prefix"].attrib["exists-action"] == "delete"
    assert headers["tracestate"].attrib["exists-action"] == "delete"


def test_the_apps_know_the_address_of_the_caller_from_the_gateway_alone() -> None:
    [header] = [each for each in headers_of_requests() if each.attrib["name"] == "X-Forwarded-For"]

    assert (header.attrib["exists-action"], header.findtext("value")) == ("override", "@(context.Request.IpAddress)")


def test_a_caller_cannot_pass_for_somebody_whom_the_platform_has_recognised() -> None:
    deleted = {each.attrib["name"] for each in headers_of_requests() if each.attrib["exists-action"] == "delete"}

    principal = "X-MS-CLIENT-PRINCIPAL"
    assert {principal, f"{principal}-ID", f"{principal}-NAME", f"{principal}-IDP"} <= deleted
    # Of the only provider that is configured: modules/function-app.bicep.
    tokens = ("ACCESS-TOKEN", "EXPIRES-ON", "ID-TOKEN", "REFRESH-TOKEN")
    assert {f"X-MS-TOKEN-AAD-{token}" for token in tokens} <= deleted


def test_the_callers_authorization_is_copied_before_the_gateway_signs_in_itself() -> None:
    inbound = list(POLICY.iterfind("inbound/*"))
    [copy] = [choose for choose in inbound if choose.find("when/set-header") is not None]
    before, after = inbound[: inbound.index(copy)], inbound[inbound.index(copy) + 1 :]
    [when] = copy
    [header] = when

    # What a client sent under the name of the copy is gone, also if it sent no Authorization.
    assert [(each.tag, dict(each.attrib)) for each in before[-1:]] == [
        ("set-header", {"name": "Ssak8-Authorization", "exists-action": "delete"})
    ]
    assert when.attrib["condition"] == '@(context.Request.Headers.ContainsKey("Authorization"))'
    assert header.attrib == {"name": "Ssak8-Authorization", "exists-action": "override"}
    assert header.findtext("value") == '@(context.Request.Headers.GetValueOrDefault("Authorization", ""))'
    assert [each.tag for each in after] == ["authentication-managed-identity"]
    assert "authentication-managed-identity" not in [each.tag for each in before]


def test_what_a_client_sends_reaches_the_app_and_the_answer_the_client() -> None:
    # API Management passes every header on, in both directions, unless a policy changes it: Prefer and Idempotency-Key
    # to the app, as Cookie, Origin, Sec-Fetch-Site and Accept-Language; Preference-Applied, Location, Retry-After and
    # WWW-Authenticate back, as Set-Cookie and Content-Security-Policy.
    changed = {header.attrib["name"] for header in headers_of_requests()}
    forwarding = {option for forward in POLICY.iterfind("backend//forward-request") for option in forward.attrib}

    assert {name for name in changed if not name.startswith(("X-MS-", "X-Forwarded-"))} == {
        "tracestate",
        "Ssak8-Authorization",
    }
    # fail-on-error-status-code would replace an app's own 410 or 503.
    assert forwarding == {"timeout", "follow-redirects"}
    assert [element.tag for element in POLICY.iterfind("outbound/*")] == ["base"]


@every_environment
def test_every_named_value_of_the_policy_exists(environment: str) -> None:
    here = deployment(environment)
    named = {value["name"].rpartition("/")[2] for value in here.all("Microsoft.ApiManagement/service/namedValues")}
    text = ElementTree.tostring(POLICY, encoding="unicode")

    assert set(re.findall(r"\{\{([\w-]+)\}\}", text)) == named


@every_environment
def test_traces_hold_no_bodies_headers_or_addresses(environment: str) -> None:
    diagnostic = deployment(environment).one(f"{API}/diagnostics")["properties"]

    assert diagnostic["httpCorrelationProtocol"] == "W3C"
    assert diagnostic["logClientIp"] is False
    for side in ("frontend", "backend"):
        for part in ("request", "response"):
            assert diagnostic[side][part] == {"headers": [], "body": {"bytes": 0}}


@every_environment
def test_gateway_and_apps_sample_the_same_traces(environment: str) -> None:
    here = deployment(environment)
    sampling = here.one(f"{API}/diagnostics")["properties"]["sampling"]

    assert sampling["samplingType"] == "fixed"
    for app in APPS:
        settings = here.settings(app)
        assert settings["OTEL_TRACES_SAMPLER"] == "microsoft.fixed_percentage"
        assert float(settings["OTEL_TRACES_SAMPLER_ARG"]) * 100 == sampling["percentage"]
