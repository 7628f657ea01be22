import pytest

from local_azure.cosmos.wire.paths import ResourcePath


def test_a_path_is_split_and_decoded_and_its_query_string_dropped() -> None:
    path = ResourcePath.parse("/dbs/sh%C3%B6p/colls/orders/docs/a%2Fb?x=1")

    assert (path.database, path.container, path.item) == ("shöp", "orders", "a/b")


@pytest.mark.parametrize(
    ("target", "pattern", "kind", "link", "last_name"),
    [
        ("/", "", "", "", ""),
        ("/dbs", "dbs", "dbs", "", ""),
        ("/dbs/shop/", "dbs/*", "dbs", "dbs/shop", "shop"),
        ("/dbs/shop/colls", "dbs/*/colls", "colls", "dbs/shop", "shop"),
        ("//dbs/shop/colls/orders", "dbs/*/colls/*", "colls", "dbs/shop/colls/orders", "orders"),
    ],
)
def test_a_path_names_a_resource_or_the_owner_of_a_feed(
    target: str, pattern: str, kind: str, link: str, last_name: str
) -> None:
    path = ResourcePath.parse(target)

    assert (path.pattern, path.kind, path.link, path.last_name) == (pattern, kind, link, last_name)
