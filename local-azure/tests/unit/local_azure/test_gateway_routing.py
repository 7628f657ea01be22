import pytest

from local_azure.gateway.routing import RouteTable, has_dot_segments

ROUTES = RouteTable({"/customers": "http://one", "/customers/archive": "http://two/", "/kakaos/": "http://three"})


@pytest.mark.parametrize(
    ("path", "upstream"),
    [
        ("/customers", "http://one"),
        ("/customers/", "http://one"),
        ("/customers/1/orders", "http://one"),
        ("/customers/archive", "http://two"),
        ("/customers/archive/1", "http://two"),
        ("/customers/archives", "http://one"),
        ("/kakaos", "http://three"),
    ],
)
def test_the_longest_prefix_wins(path: str, upstream: str) -> None:
    assert ROUTES.upstream(path) == upstream


@pytest.mark.parametrize("path", ["/", "", "/customersX", "/Customers", "/%63ustomers", "//customers", "/other"])
def test_a_path_below_no_prefix_has_no_upstream(path: str) -> None:
    assert ROUTES.upstream(path) is None


def test_the_root_prefix_covers_everything_else() -> None:
    routes = RouteTable({"/": "http://all", "/customers": "http://one"})

    assert routes.upstream("/") == "http://all"
    assert routes.upstream("/anything/else") == "http://all"
    assert routes.upstream("/customers/1") == "http://one"


@pytest.mark.parametrize("path", ["/a/../b", "/a/.", "/a/%2e%2e/b", "/a/%2E/b", "/a/..%2fb", "/.."])
def test_dot_segments_are_recognised_in_every_spelling(path: str) -> None:
    assert has_dot_segments(path)


@pytest.mark.parametrize("path", ["/a/b", "/a/.well-known", "/a/...", "/a/1.5", "/a/%2Fb"])
def test_dots_within_a_segment_are_not_a_dot_segment(path: str) -> None:
    assert not has_dot_segments(path)
