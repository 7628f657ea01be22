"""What is answered to a path or method that no other function has."""

import json
from types import SimpleNamespace
from typing import cast

import azure.functions as func
import pytest

from functions import customer, health, openapi, unmatched

CONTEXT = cast(
    func.Context, SimpleNamespace(function_name="f", trace_context=SimpleNamespace(trace_parent="00-00-00-00"))
)


async def response_to(method: str, path: str) -> func.HttpResponse:
    """The response of the customer app. `path` without its leading slash."""
    blueprint = unmatched.blueprint_for([customer.blueprint, health.blueprint, openapi.blueprint])
    app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
    app.register_functions(blueprint)
    [function] = app.get_functions()
    request = func.HttpRequest(method, f"http://localhost/{path}?x=1", route_params={"path": path}, body=b"")
    response = await function.get_user_function()(request, CONTEXT)
    assert isinstance(response, func.HttpResponse)
    return response


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("customers", "GET, HEAD, OPTIONS, POST"),
        ("Customers/", "GET, HEAD, OPTIONS, POST"),
        ("customers/1", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"),
        ("customers/a b%2Fc/", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"),
        ("customers/search", "OPTIONS, POST"),
        ("openapi.json", "GET, HEAD, OPTIONS"),
        ("health", "GET, HEAD, OPTIONS"),
    ],
)
async def test_a_known_path_is_405_and_lists_its_methods(path: str, allow: str) -> None:
    response = await response_to("PROPFIND", path)

    problem = json.loads(response.get_body())
    assert (response.status_code, response.mimetype) == (405, "application/problem+json")
    assert response.headers["Allow"] == allow
    assert problem["type"] == "urn:ssak8:problem:method-not-allowed"
    assert (problem["status"], problem["instance"]) == (405, f"/{path}")
    assert allow in problem["detail"]


async def test_options_of_a_known_path_is_204_with_its_methods() -> None:
    response = await response_to("OPTIONS", "customers")

    assert (response.status_code, response.get_body()) == (204, b"")
    assert response.headers["Allow"] == "GET, HEAD, OPTIONS, POST"


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS", "TRACE"])
@pytest.mark.parametrize(
    "path", ["nonsense", "customersX", "customers/1/2", "customers//", "kakaos", "openapiXjson", "x\n", "customers\n"]
)
async def test_an_unknown_path_is_404_with_every_method(method: str, path: str) -> None:
    response = await response_to(method, path)

    assert (response.status_code, response.mimetype) == (404, "application/problem+json")
    assert "Allow" not in response.headers
