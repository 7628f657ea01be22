"""Routes of HTTP functions."""

import pytest

from local_azure.functions_host.errors import StartError
from local_azure.functions_host.functions import Function
from local_azure.functions_host.http.routes import (
    Route,
    RouteTable,
    build_route,
    parse_template,
    refuse_conflicts,
)


def route(name: str, template: str, *methods: str, prefix: str = "") -> Route:
    return build_route(Function(name, name, ()), prefix, template, methods or ("GET",))


@pytest.mark.parametrize(
    ("template", "path", "values"),
    [
        ("customers", "customers", {}),
        ("customers", "Customers/", {}),
        ("customers/{id}", "customers/7", {"id": "7"}),
        ("customers/{id}", "customers/a b%2Fc", {"id": "a b%2Fc"}),
        ("customers/{id:int}", "customers/-7", {"id": "-7"}),
        ("customers/{id:int}", "customers/2147483648", None),
        ("customers/{id:int}", "customers/1_0", None),
        ("customers/{id:long}", "customers/2147483648", {"id": "2147483648"}),
        ("customers/{id:guid}", "customers/0190b6ea-0000-7000-8000-000000000000", "id"),
        ("customers/{id:guid}", "customers/7", None),
        ("customers/{id?}", "customers", {}),
        ("customers/{id?}", "customers/7", {"id": "7"}),
        ("customers/{id}", "customers", None),
        ("customers/{id}", "customers/7/8", None),
        ("files/{*rest}", "files/a/b/c", {"rest": "a/b/c"}),
        ("files/{*rest}", "files", {}),
        ("{*rest:minlength(1)}", "a/b", {"rest": "a/b"}),
        ("{*rest:minlength(1)}", "", None),
        ("files/{*rest:minlength(1)}", "files", None),
        ("numbers/{number:int?}", "numbers", {}),
        ("pages/{number:int=1}", "pages", {"number": "1"}),
        ("pages/{number:range(1,9)}", "pages/10", None),
        ("{name}.{kind}", "picture.png", {"name": "picture", "kind": "png"}),
        ("codes/{code:regex(^[a-z]{2}$)}", "codes/kr", {"code": "kr"}),
        ("codes/{code:regex(^[a-z]{2}$)}", "codes/kor", None),
        ("codes/{code:alpha:length(2)}", "codes/kr", {"code": "kr"}),
        ("codes/{code:alpha:length(2)}", "codes/k1", None),
        ("a/b", "a//b", None),
    ],
)
def test_a_template_matches_what_asp_net_matches(template: str, path: str, values: dict[str, str] | str | None) -> None:
    found = parse_template(template).match(path)

    assert found == values if not isinstance(values, str) else found is not None and values in found


@pytest.mark.parametrize("template", ["a/{", "{a}/{a}", "{*a}/b", "x{a?}", "{a:colour}", "{a:int(1)}", "{1}"])
def test_an_unsupported_template_is_refused(template: str) -> None:
    with pytest.raises(StartError, match="function f: route"):
        route("f", template)


def test_the_first_route_that_matches_wins() -> None:
    table = RouteTable([route("a", "items/{id}"), route("b", "items/special")])

    found = table.match("GET", "items/special")

    assert found is not None
    assert found[0].name == "a"


def test_a_method_that_is_not_listed_does_not_match() -> None:
    table = RouteTable([route("read", "items/{id}", "get"), route("remove", "items/{id}", "DELETE")])

    assert table.match("POST", "items/1") is None
    assert table.match("HEAD", "items/1") is None
    found = table.match("DELETE", "items/1")
    assert found is not None
    assert found[0].name == "remove"


@pytest.mark.parametrize("method", ["GET", "TRACE", "PROPFIND", "QUERY"])
def test_a_route_without_methods_matches_any_after_those_before_it(method: str) -> None:
    table = RouteTable(
        [route("search", "items", "QUERY"), build_route(Function("rest", "rest", ()), "", "{*path}", ())]
    )

    found = table.match(method, "items")

    assert found is not None
    assert found[0].name == ("search" if method == "QUERY" else "rest")


def test_the_prefix_goes_before_every_route() -> None:
    assert route("f", "items", prefix="api/v1").template.match("api/v1/items") == {}


def test_the_hosts_own_paths_are_refused() -> None:
    with pytest.raises(StartError, match="/admin belongs to the host"):
        route("f", "admin/things")


def test_the_same_route_and_method_twice_is_refused() -> None:
    routes = [route("one", "items/{id}", "GET"), route("two", "Items/{key}", "GET", "PUT")]

    with pytest.raises(StartError, match="two: its route conflicts with that of one for GET"):
        refuse_conflicts(routes)


def test_routes_that_differ_in_method_or_constraint_do_not_conflict() -> None:
    refuse_conflicts([route("a", "x/{id}", "GET"), route("b", "x/{id}", "PUT"), route("c", "x/{id:int}", "GET")])
